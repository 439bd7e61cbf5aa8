"""Define the ramp with a power: slow start for p > 1, fast start for p < 1."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from homotopy_bench.continuation.base import Array, Continuation, WarmupFraction, ramp


class Polynomial(Continuation):
    """t(u) = v^p with v = min(1, u/w), w = ``warmup_fraction``, p = ``power`` > 0.

    Example:
        >>> Polynomial(warmup_fraction=0.5, power=2.0).table(4, seed=0).tolist()
        [0.0, 0.25, 1.0, 1.0]
    """

    name: Literal["polynomial"] = "polynomial"
    warmup_fraction: WarmupFraction = 0.7
    power: Annotated[float, Field(gt=0.0)] = 2.0

    def at(self, u: Array) -> Array:
        """Return v^p for every progress ``u``."""
        return ramp(u, self.warmup_fraction) ** self.power
