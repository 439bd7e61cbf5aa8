"""Define the jump: t = 0 until there is no more time, for paths that find their way without t."""

from __future__ import annotations

from typing import Literal

from homotopy_bench.continuation.base import Array, Continuation, WarmupFraction


class Jump(Continuation):
    """t(u) = 0 for u < w = ``warmup_fraction``, and 1 from there on.

    Example:
        >>> Jump(warmup_fraction=0.5).table(5, seed=0).tolist()
        [0.0, 0.0, 0.0, 1.0, 1.0]
    """

    name: Literal["jump"] = "jump"
    warmup_fraction: WarmupFraction = 0.9

    def at(self, u: Array) -> Array:
        """Return 1 where ``u`` has reached w, and 0 elsewhere."""
        import numpy as np

        return (u >= self.warmup_fraction).astype(np.float64)
