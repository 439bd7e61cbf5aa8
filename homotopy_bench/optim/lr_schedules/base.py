"""Define learning-rate schedules: progress and base rate in, learning rate out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from homotopy_bench.core.options import Options
from homotopy_bench.core.run_sections import RunSections

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float64]"
"""Values in float64; a name, as only the functions that compute load NumPy."""


class LRSchedule(Options, ABC):
    """Define an open-loop schedule eta(u; lr) with u in [0, 1]."""

    precomputed: ClassVar[bool] = True

    name: str

    @abstractmethod
    def rates(self, u: Array, lr: float) -> Array:
        """Return eta(u) elementwise.

        Args:
            u: Training progress (steps done / total steps), each in [0, 1], any shape.
            lr: Base learning rate, ``optimizer.lr``.

        Returns:
            Learning rates >= 0, the shape of ``u``.
        """

    def check_sources(self) -> None:
        """Check the files the schedule reads, without loading torch or NumPy; by default there are none."""

    def check(self, run: RunSections) -> None:
        """Raise :class:`~homotopy_bench.core.errors.InputError` where this schedule does not go with a run."""

    def table(self, steps: int, lr: float) -> Array:
        """Return the learning rate of every training step.

        Args:
            steps: Total number S of training steps; step k = 0, ..., S-1 uses u = k/S.
            lr: Base learning rate.

        Returns:
            Array of shape (S,).
        """
        import numpy as np

        return self.rates(np.arange(steps) / steps, lr)
