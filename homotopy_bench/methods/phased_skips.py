"""Skips whose weights are held to 0 by Lagrange multipliers.

The multipliers are a buffer of the network, so that a checkpoint has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from typing_extensions import override

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.hardware.transfer import sent_like
from homotopy_bench.methods.regularizer import Regularizer
from homotopy_bench.models.layers import DEFORMATION

ALPHA = "alpha"
"""Beginning of the names of the weights of skips."""

MULTIPLIERS = "multipliers"
"""Name of the buffer of the D multipliers."""


def skip(x: Tensor, y: Tensor, alpha: Tensor, *, on: Tensor) -> Tensor:
    """Return alpha x + (1 - alpha) y where ``on`` is 1, and y exactly where it is 0.

    Example:
        >>> import torch
        >>> one = torch.ones(())
        >>> skip(torch.tensor([2.0]), torch.tensor([4.0]), 0.5 * one, on=one).item()
        3.0
    """
    weight = alpha * on
    return weight * x + (1.0 - weight) * y


class PhasedSkips(Regularizer):
    """Add the multipliers to the gradients of the alphas, move both after a step, and project the alphas to [0, 1].

    Args:
        rates: The members' rates of the multipliers.
        ensemble: The members, a row each.
    """

    def __init__(self, rates: Sequence[float], ensemble: Ensemble) -> None:
        self._rates = sent_like(rates, ensemble.theta)
        self._names = [name for name in ensemble.parameters if name.startswith(f"{DEFORMATION}.{ALPHA}")]

    @override
    def add_gradient(self, ensemble: Ensemble, rows: Rows, t: Sequence[float]) -> None:
        """Add lambda to the gradient of every alpha of members on the path."""
        multipliers, on = ensemble.buffers[MULTIPLIERS], ensemble.buffers[f"{DEFORMATION}.on"]
        for index, name in enumerate(self._names):
            ensemble.gradients[name].add_(multipliers[:, index] * on)

    @override
    def after_step(self, ensemble: Ensemble, rows: Rows, t: Sequence[float], lr: Sequence[float]) -> None:
        """Project the alphas, and let the multipliers of members on the path grow by rate alpha."""
        growth = self._rates * ensemble.buffers[f"{DEFORMATION}.on"]
        multipliers = ensemble.buffers[MULTIPLIERS]
        for index, name in enumerate(self._names):
            alpha = ensemble.parameters[name].detach().clamp_(0.0, 1.0)
            multipliers[:, index].add_(growth * alpha)

    @override
    def diagnostics(self, member: int, theta: Tensor, t: float) -> dict[str, Any]:
        """Return the mean weight of the member's skips."""
        return {"alpha": theta[:, -len(self._names) :].mean().item()}
