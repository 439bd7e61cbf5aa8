"""Linear warm-up to the base rate, which then stays (Goyal et al. 2017, arXiv:1706.02677, section 2.2)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from homotopy_bench.optim.lr_schedules.base import Array, LRSchedule


class LinearWarmup(LRSchedule):
    """eta(u) = lr u/a for u < a, and lr from u = a on, with a = ``warmup_fraction`` in [0, 1).

    With a = 0 it is the constant rate, from the first step.

    Example:
        >>> LinearWarmup(warmup_fraction=0.5).table(4, lr=1.0).tolist()
        [0.0, 0.5, 1.0, 1.0]
    """

    name: Literal["linear_warmup"] = "linear_warmup"
    warmup_fraction: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.2

    def rates(self, u: Array, lr: float) -> Array:
        """Return eta(u) for every progress ``u``."""
        import numpy as np

        a = self.warmup_fraction
        return lr * (np.minimum(u, a) / a if a > 0 else np.ones_like(u))
