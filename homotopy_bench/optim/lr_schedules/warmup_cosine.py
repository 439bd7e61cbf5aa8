"""Linear warm-up followed by cosine decay (Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5, one cycle)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from homotopy_bench.optim.lr_schedules.base import Array, LRSchedule


class WarmupCosine(LRSchedule):
    """Linear from 0 to lr over a share a of the training, then half a cosine down to f lr.

    eta(u)/lr = u/a for u < a, and f + (1-f)(1 + cos(pi (u-a)/(1-a)))/2 from u = a on, with
    a = ``warmup_fraction`` in [0, 1) and f = ``final_fraction`` in [0, 1].

    Example:
        >>> WarmupCosine(warmup_fraction=0.5).table(4, lr=1.0).round(12).tolist()
        [0.0, 0.5, 1.0, 0.5]
    """

    name: Literal["warmup_cosine"] = "warmup_cosine"
    warmup_fraction: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.2
    final_fraction: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0

    def rates(self, u: Array, lr: float) -> Array:
        """Return eta(u) for every progress ``u``."""
        import numpy as np

        a, f = self.warmup_fraction, self.final_fraction
        decay = f + (1.0 - f) * (1.0 + np.cos(np.pi * (u - a) / (1.0 - a))) / 2.0
        return lr * (np.where(u < a, np.minimum(u, a) / a, decay) if a > 0 else decay)
