"""Keep the learning rate constant."""

from __future__ import annotations

from typing import Literal

from homotopy_bench.optim.lr_schedules.base import Array, LRSchedule


class ConstantLR(LRSchedule):
    """eta(u) = lr.

    Example:
        >>> ConstantLR().table(2, lr=0.5).tolist()
        [0.5, 0.5]
    """

    name: Literal["constant"] = "constant"

    def rates(self, u: Array, lr: float) -> Array:
        """Return ``lr`` for every progress ``u``."""
        import numpy as np

        return np.full_like(u, lr)
