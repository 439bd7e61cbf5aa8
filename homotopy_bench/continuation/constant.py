"""No continuation: the target network from the first step."""

from __future__ import annotations

from typing import Literal

from homotopy_bench.continuation.base import Array, Continuation


class Constant(Continuation):
    """t(u) = 1.

    Example:
        >>> Constant().table(3, seed=0).tolist()
        [1.0, 1.0, 1.0]
    """

    name: Literal["constant"] = "constant"

    def at(self, u: Array) -> Array:
        """Return 1 for every progress ``u``."""
        import numpy as np

        return np.ones_like(u)
