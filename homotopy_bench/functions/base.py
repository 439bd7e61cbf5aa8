"""Define analytic problems: values and gradients in batches, a domain, and a minimum known in closed form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Objective = Callable[[Array], tuple[Array, Array]]
"""From points (S, n) to values (S,) and gradients (S, n), in float64."""
RowObjective = Callable[[Array, NDArray[np.int64]], tuple[Array, Array]]
"""The same where every row has a function of its own: from points (S, n) and the numbers (S,) of their rows."""

FOUND_WITHIN = 1e-6
"""A point has found the minimum where f(x) - f* is at most this. The lowest other local minimum on the grids in use is
more than 1e-3 above f*, and a converged search ends below 1e-8, so that the counts hold for any choice in between."""


class Problem(ABC):
    """Define a function of n variables whose global minimum is known."""

    name: ClassVar[str]
    low: ClassVar[float]
    """Lower end of the customary domain, the same in every coordinate."""
    high: ClassVar[float]
    """Upper end of the customary domain."""
    minimizer: ClassVar[float]
    """Every coordinate of the global minimiser x*; f* = 0 for all problems here."""

    @abstractmethod
    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """Evaluate f and its gradient.

        Args:
            x: Points (S, n), n >= 2, in any memory order; results keep it.

        Returns:
            Values (S,) and gradients (S, n).
        """

    def found(self, values: Array) -> NDArray[np.bool_]:
        """Return which values (S,) are the global minimum, f(x) - f* <= FOUND_WITHIN."""
        return values <= FOUND_WITHIN
