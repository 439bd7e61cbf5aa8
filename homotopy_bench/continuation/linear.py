"""Define the straight ramp from t = 0 to t = 1."""

from __future__ import annotations

from typing import Literal

from homotopy_bench.continuation.base import Array, Continuation, WarmupFraction, ramp


class Linear(Continuation):
    """t(u) = min(1, u/w), with w = ``warmup_fraction``.

    Example:
        >>> Linear(warmup_fraction=0.5).table(4, seed=0).tolist()
        [0.0, 0.5, 1.0, 1.0]
    """

    name: Literal["linear"] = "linear"
    warmup_fraction: WarmupFraction = 0.7

    def at(self, u: Array) -> Array:
        """Return min(1, u/w) for every progress ``u``."""
        return ramp(u, self.warmup_fraction)
