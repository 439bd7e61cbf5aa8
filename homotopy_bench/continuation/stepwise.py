"""Define the ramp in stages: the network is held at each of k values of t before it moves on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from homotopy_bench.continuation.base import Array, Continuation, WarmupFraction, ramp


class Stepwise(Continuation):
    """t(u) = floor(k v)/k with v = min(1, u/w), w = ``warmup_fraction``, k = ``stages``.

    The stages are t = 0, 1/k, ..., (k-1)/k, each for a share w/k of the training; from u = w on, t = 1. A stage
    begins at its boundary: t(j w/k) = j/k.

    Example:
        >>> Stepwise(warmup_fraction=1.0, stages=2).table(5, seed=0).tolist()
        [0.0, 0.0, 0.0, 0.5, 1.0]
    """

    name: Literal["stepwise"] = "stepwise"
    warmup_fraction: WarmupFraction = 0.7
    stages: Annotated[int, Field(ge=1)] = 5

    def at(self, u: Array) -> Array:
        """Return floor(k v)/k for every progress ``u``."""
        import numpy as np

        # k u/w can fall a rounding error short of the integer at which a stage begins.
        return np.floor(self.stages * ramp(u, self.warmup_fraction) + 1e-9) / self.stages
