"""Penalise the trained angles of convexity annealing, and project them below their bound.

The objective is L + theta_penalty * (the sum of the angles) while their bound (pi/4)(1 - t) is above 0, and after every
step each angle is put back into [0, (pi/4)(1 - t)].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.methods.bending import ANGLE, limit
from homotopy_bench.methods.regularizer import Regularizer
from homotopy_bench.models.layers import DEFORMATION


class TrainedAngles(Regularizer):
    """Penalise and project the members' angles.

    Args:
        penalties: theta_penalty of each of the M members, >= 0.
        ensemble: The members, a row each.
    """

    def __init__(self, penalties: Sequence[float], ensemble: Ensemble) -> None:
        like = ensemble.theta
        self._penalties = torch.tensor(penalties, device=like.device, dtype=like.dtype) if any(penalties) else None
        self._names = [name for name in ensemble.parameters if name.startswith(f"{DEFORMATION}.{ANGLE}")]

    @override
    def add_gradient(self, ensemble: Ensemble, rows: Rows, t: Sequence[float]) -> None:
        """Add the gradient of the members' theta_penalty times the sum of their angles."""
        if self._penalties is None:
            return
        penalty = self._penalties * (_bound(ensemble) > 0)
        for name in self._names:
            gradient = ensemble.gradients[name]
            gradient += _per_member(penalty, gradient)

    @override
    def after_step(self, ensemble: Ensemble, rows: Rows, t: Sequence[float], lr: Sequence[float]) -> None:
        """Project the angles to [0, (pi/4)(1 - t)]."""
        bound = _bound(ensemble)
        for name in self._names:
            angle = ensemble.parameters[name].detach()
            angle.copy_(limit(angle, _per_member(bound, angle)))

    @override
    def diagnostics(self, member: int, theta: Tensor, t: float) -> dict[str, Any]:
        """Return nothing: the record has the angles as parameters of the network."""
        return {}


def _bound(ensemble: Ensemble) -> Tensor:
    return ensemble.buffers[f"{DEFORMATION}.bound"]


def _per_member(values: Tensor, like: Tensor) -> Tensor:
    """Return values (M,) in a shape that broadcasts with ``like`` (M, ...)."""
    return values.view(-1, *[1] * (like.dim() - 1))
