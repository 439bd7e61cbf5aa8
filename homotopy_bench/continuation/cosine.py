"""Define the ramp that leaves t = 0 and reaches t = 1 with zero slope."""

from __future__ import annotations

from typing import Literal

from homotopy_bench.continuation.base import Array, Continuation, WarmupFraction, ramp


class Cosine(Continuation):
    """t(u) = (1 - cos(pi v))/2 with v = min(1, u/w), w = ``warmup_fraction``.

    Example:
        >>> Cosine(warmup_fraction=0.5).table(4, seed=0).round(12).tolist()
        [0.0, 0.5, 1.0, 1.0]
    """

    name: Literal["cosine"] = "cosine"
    warmup_fraction: WarmupFraction = 0.7

    def at(self, u: Array) -> Array:
        """Return (1 - cos(pi v))/2 for every progress ``u``."""
        import numpy as np

        return (1.0 - np.cos(np.pi * ramp(u, self.warmup_fraction))) / 2.0
