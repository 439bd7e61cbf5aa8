"""Hold t on each level of a method for that level's epochs, and then at the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from typing_extensions import override

from homotopy_bench.continuation.base import Array, Continuation


class Levels(Continuation):
    """t = j/n on level j = 0, ..., n-1 of the method, for the training steps that the method gives it; then t = 1.

    Example:
        >>> Levels().table(8, seed=0, levels=[3, 2]).tolist()
        [0.0, 0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 1.0]
    """

    name: Literal["levels"] = "levels"

    def at(self, u: Array) -> Array:
        """Return 1 for every progress ``u``: what holds where there are no levels, or none any more."""
        import numpy as np

        return np.ones_like(u)

    @override
    def arrange(self, t: Array, seed: int, levels: Sequence[int]) -> None:
        """Hold t = j/n for the steps of level j."""
        import numpy as np

        held = np.repeat(np.arange(len(levels)) / max(len(levels), 1), levels)[: len(t)]
        t[: len(held)] = held
