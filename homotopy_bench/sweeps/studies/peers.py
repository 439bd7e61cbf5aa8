"""Prune a trial that is still on its path by comparing it with its peers.

Accuracies at different t are accuracies of different networks, so that a trial at t = 0.2 must not be compared with one
that has arrived; and at the same t, one that came there later has trained longer. Its peers are the trials that, at
the same epoch, stood at about the same t: as far on the path, for the same cost. A trial whose network on the path is
less accurate than the median of its peers', by more than the noise of an accuracy, is pruned. One without enough peers
goes on.

Without that margin noise alone would end a trial that is as good as its peers sooner or later: of 64 trials the rule
then ended most of the best (docs/LOG.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt
from statistics import median

SAME_T = 0.1
"""Largest difference in t between peers."""

ENOUGH = 5
"""Fewest peers that are a reason to end a trial."""

MARGIN = 2.0
"""Standard errors of an accuracy by which a trial must be behind."""

Path = Sequence[Sequence[float]]
"""The path of a trial: (epoch, t, validation accuracy at that t) of every evaluation with t < 1."""


def behind_peers(epoch: int, t: float, accuracy: float, samples: int, others: Iterable[Path]) -> bool:
    """Return whether a trial on its path is clearly less accurate than the median a of its peers.

    Clearly is by more than two standard errors, 2 sqrt(a (1 - a)/n), of an accuracy on n samples.

    Args:
        epoch: Where the trial is.
        t: Its path parameter there, below 1.
        accuracy: The validation accuracy of its network at that t, a fraction.
        samples: n, the validation samples that it was measured on.
        others: The paths of the trials that have ended by themselves.

    Example:
        >>> paths = [[(10, 0.3, 0.5)]] * 5
        >>> [behind_peers(10, t, accuracy, 400, paths) for t, accuracy in ((0.35, 0.4), (0.35, 0.46), (0.8, 0.4))]
        [True, False, False]
    """
    peers = [
        theirs for path in others for at_epoch, at_t, theirs in path if at_epoch == epoch and abs(at_t - t) <= SAME_T
    ]
    if len(peers) < ENOUGH:
        return False
    expected = median(peers)
    return accuracy < expected - MARGIN * sqrt(expected * (1.0 - expected) / samples)
