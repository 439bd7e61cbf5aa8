"""Average the parameters of every row over the steps: an exponential moving average, as torch.optim.swa_utils has it.

    average <- parameters                                          after the first step
    average <- decay average + (1 - decay) parameters              after every other one

(``get_ema_multi_avg_fn`` with ``AveragedModel(use_buffers=False)``; Polyak and Juditsky 1992, doi:10.1137/0330046, for
the plain mean.) Evaluations see the average in place of the parameters. Running statistics of BatchNorm stay those of
the parameters, as there. Members have decays of their own; with 0 the average is the parameters, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.hardware.transfer import sent_like


class WeightAverage:
    """Hold the averages of R rows.

    Attributes:
        theta: The averages, shape (R, P).

    Args:
        decays: The rows' decays, each in [0, 1).
        theta: Their parameters before the first step, shape (R, P).

    Example:
        >>> theta = torch.tensor([[1.0], [1.0]])
        >>> average = WeightAverage([0.5, 0.0], theta)
        >>> for step in range(2):
        ...     _ = theta.mul_(2.0)
        ...     average.update(step, theta)
        >>> average.theta.tolist()
        [[3.0], [4.0]]
    """

    def __init__(self, decays: Sequence[float], theta: Float[Tensor, "R P"]) -> None:
        self._weights = sent_like([1.0 - decay for decay in decays], theta).unsqueeze(1)
        self.theta = theta.clone()
        self._shown = False

    def update(self, k: int, theta: Float[Tensor, "R P"]) -> None:
        """Take the parameters after step k into the averages."""
        if k == 0:
            self.theta.copy_(theta)
        else:
            self.theta.lerp_(theta, self._weights)

    @contextmanager
    def shown(self, theta: Float[Tensor, "R P"]) -> Iterator[None]:
        """Let parameters have the values of the averages inside the context; inside another one nothing changes."""
        if self._shown:
            yield
            return
        own = theta.clone()
        theta.copy_(self.theta)
        self._shown = True
        try:
            yield
        finally:
            self._shown = False
            theta.copy_(own)

    def merged(self, groups: Sequence[slice], decays: Sequence[float]) -> WeightAverage:
        """Return the averages of rows that are the means of groups of these."""
        return WeightAverage(decays, torch.stack([self.theta[rows].mean(dim=0) for rows in groups]))
