"""Visit the values of t of the straight ramp in random order: the control without a path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from typing_extensions import override

from homotopy_bench.continuation.base import Array, Continuation, WarmupFraction, ramp


class Shuffled(Continuation):
    """t of step k is t(pi(k)/S) of the linear schedule, pi a random permutation of the steps 0, ..., S-2.

    The network is trained as often at every t as with ``continuation=linear`` of the same ``warmup_fraction``, but does
    not follow a path: what the linear schedule gains over this one is due to the order. The last step trains at t = 1.
    The permutation is drawn from the run's seed.

    Example:
        >>> Shuffled(warmup_fraction=0.5).table(8, seed=0).tolist()
        [1.0, 0.25, 0.0, 0.5, 1.0, 0.75, 1.0, 1.0]
    """

    name: Literal["shuffled"] = "shuffled"
    warmup_fraction: WarmupFraction = 0.7

    def at(self, u: Array) -> Array:
        """Return min(1, u/w), the values before they are put into another order, for every progress ``u``."""
        return ramp(u, self.warmup_fraction)

    @override
    def arrange(self, t: Array, seed: int, levels: Sequence[int]) -> None:
        """Permute the values of the linear schedule."""
        import numpy as np

        from homotopy_bench.core.random_streams import stream_seed

        t[:] = np.random.Generator(np.random.PCG64(stream_seed(seed, "continuation"))).permutation(t)
