"""Share what all continuation schedules have: progress in, path parameter out, exact arrival at t = 1."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeAlias

from pydantic import Field

from homotopy_bench.core.options import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float64]"
"""Values in float64; a name, as only the functions that compute load NumPy."""

WarmupFraction = Annotated[float, Field(gt=0.0, le=1.0)]
"""Share w of the training steps after which t = 1 for good; 0 < w <= 1."""


class Continuation(Options, ABC):
    """Define an open-loop schedule t(u) with t in [0, 1], u in [0, 1], and t = 1 exactly for u >= w."""

    precomputed: ClassVar[bool] = True

    name: str

    @abstractmethod
    def at(self, u: Array) -> Array:
        """Return t(u) elementwise.

        Args:
            u: Training progress (steps done / total steps), each in [0, 1], any shape.

        Returns:
            Path parameters in [0, 1], the shape of ``u``.
        """

    def arrange(self, t: Array, seed: int, levels: Sequence[int]) -> None:
        """Rearrange the values of all steps but the last in place; by default they stay.

        Args:
            t: Path parameters of the steps 0, ..., S-2, shape (S-1,).
            seed: The run's seed.
            levels: Training steps of each level of a method that has levels.
        """

    def table(self, steps: int, seed: int, levels: Sequence[int] = ()) -> Array:
        """Return t for every training step.

        Step k = 0, ..., S-1 trains at t(k/S); the last one always trains the target network, t = 1.

        Args:
            steps: Total number S of training steps, at least 1.
            seed: The run's seed, for a schedule that draws random numbers.
            levels: Training steps of each level of a method that has levels, for ``continuation=levels``.

        Returns:
            Array of shape (S,).
        """
        import numpy as np

        t = np.asarray(self.at(np.arange(steps) / steps), dtype=np.float64)
        self.arrange(t[:-1], seed, levels)
        t[-1] = 1.0
        return t


def ramp(u: Array, warmup_fraction: float) -> Array:
    """Return the progress through the warm-up, v = min(1, u/w), with w = ``warmup_fraction``; exactly 1 for u >= w."""
    import numpy as np

    return np.minimum(u, warmup_fraction) / warmup_fraction
