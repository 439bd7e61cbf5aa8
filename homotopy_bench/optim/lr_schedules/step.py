"""Multiply the learning rate by a constant at equal intervals: a staircase."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from homotopy_bench.optim.lr_schedules.base import Array, LRSchedule


class Step(LRSchedule):
    """eta(u) = lr gamma^floor(max(u - a, 0)/s): a stair every share s = ``every``, beginning at its boundary.

    The first interval begins at u = a = ``start``.

    Example:
        >>> Step(every=0.5, gamma=0.1).table(4, lr=1.0).tolist()
        [1.0, 1.0, 0.1, 0.1]
        >>> Step(every=0.25, gamma=0.5, start=0.5).table(4, lr=1.0).tolist()
        [1.0, 1.0, 1.0, 0.5]
    """

    name: Literal["step"] = "step"
    every: Annotated[float, Field(gt=0.0, le=1.0)] = 0.3
    gamma: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    start: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0

    def rates(self, u: Array, lr: float) -> Array:
        """Return lr gamma^floor(max(u - a, 0)/s) for every progress ``u``."""
        import numpy as np

        # 0.3/0.1 is 2.9999999999999996: without the margin a stair would begin one step late.
        return lr * self.gamma ** np.floor(np.maximum(u - self.start, 0.0) / self.every + 1e-9)
