"""Add to the objective of single members, each with a weight L that is a function of the member's t."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.methods.regularizer import Regularizer

Level = Callable[[float], float]
"""L(t) > 0 for t in [0, 1)."""


class LevelledRegularizer(Regularizer):
    """Add to the objectives of members, one after another, while t < 1: a gradient, a correction, or both.

    Args:
        levels: Member -> its L(t); of every member that is ever on a path.
    """

    def __init__(self, levels: Mapping[int, Level]) -> None:
        self.levels = dict(levels)

    @torch.no_grad()
    def add_gradient(self, ensemble: Ensemble, rows: Rows, t: Sequence[float]) -> None:
        """Add the gradients of the addition of every member with t < 1."""
        for member, value in enumerate(t):
            if value < 1.0:
                own = rows.of(member)
                self.gradient(member, ensemble.theta[own], ensemble.gradient[own], self.levels[member](value))

    @torch.no_grad()
    def after_step(self, ensemble: Ensemble, rows: Rows, t: Sequence[float], lr: Sequence[float]) -> None:
        """Correct every member with t < 1."""
        for member, value in enumerate(t):
            if value < 1.0:
                self.correct(member, ensemble.theta[rows.of(member)], self.levels[member](value), lr[member])

    def gradient(self, member: int, theta: Tensor, gradient: Tensor, level: float) -> None:
        """Add the gradient at level L of one member's m rows theta to ``gradient``, both (m, P); by default nothing."""

    def correct(self, member: int, theta: Tensor, level: float, lr: float) -> None:
        """Correct one member's m rows theta (m, P) in place, with ``lr`` as in :meth:`after_step`; by default not."""

    def diagnostics(self, member: int, theta: Tensor, t: float) -> dict[str, Any]:
        """Return L, and of copies the largest distance of one from the first, relative to the norm of the first."""
        known: dict[str, Any] = {"L": self.levels[member](t)}
        if len(theta) > 1:
            distances = torch.linalg.vector_norm(theta[1:] - theta[0], dim=1)
            known["copies_distance"] = (distances.max() / torch.linalg.vector_norm(theta[0])).item()
        return known
