"""Define the inverse decay of the convexity-annealing source: lr, lr/2, lr/3, ..."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from homotopy_bench.optim.lr_schedules.base import Array, LRSchedule


class Inverse(LRSchedule):
    """eta(u) = lr/(floor(u n) + 1) with n = ``stairs`` of equal length over the training.

    With as many stairs as epochs this is lr/(epoch + 1) for epochs from 0 (github.com/ecotner/ConvexityAnnealing).

    Example:
        >>> Inverse(stairs=2).table(4, lr=1.0).tolist()
        [1.0, 1.0, 0.5, 0.5]
    """

    name: Literal["inverse"] = "inverse"
    stairs: Annotated[int, Field(ge=1)] = 100

    def rates(self, u: Array, lr: float) -> Array:
        """Return lr/(floor(u n) + 1) for every progress ``u``."""
        import numpy as np

        # u n can fall a rounding error short of the integer at which a stair begins.
        return lr / (np.floor(u * self.stairs + 1e-9) + 1.0)
