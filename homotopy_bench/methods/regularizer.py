"""Define what a method adds to the objective of members on their path.

An addition enters a training step before the update, as a gradient, and after it, as a correction of the parameters. At
t = 1 the objective is the target's and nothing is added.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows


class Regularizer(ABC):
    """Define an addition to the objective."""

    @abstractmethod
    def add_gradient(self, ensemble: Ensemble, rows: Rows, t: Sequence[float]) -> None:
        """Add the gradients of the addition at the members' t to those of the batch losses, which the ensemble has."""

    @abstractmethod
    def after_step(self, ensemble: Ensemble, rows: Rows, t: Sequence[float], lr: Sequence[float]) -> None:
        """Correct the parameters that the optimiser has moved.

        ``lr`` has the members' learning rates, times the gain of their optimiser: a step must weigh the addition as
        much as the loss, whose gradient momentum lets pass 1/(1 - momentum) times.
        """

    @abstractmethod
    def diagnostics(self, member: int, theta: Tensor, t: float) -> dict[str, Any]:
        """Return what the record says of a member on its path at t, with its m rows theta (m, P)."""
