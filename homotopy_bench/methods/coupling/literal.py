"""Apply the literal update: the gradient of the whole objective H, as published.

    dH/dx_j = df/dx_j + 2 alpha L M_j (x_j - r) + (2 beta/L) (m x_j - sum_i x_i)

The coupling has curvature 2 m beta/L along x_i - x_j, which bounds the learning rate
(:mod:`homotopy_bench.methods.coupling.stability`): with m = 2, beta = 1 and momentum mu, eta < (1 + mu) L/2.
"""

from __future__ import annotations

from torch import Tensor

from homotopy_bench.methods.coupling.copies import CoupledCopies


class LiteralGradient(CoupledCopies):
    """Add the penalties as a gradient."""

    def gradient(self, member: int, theta: Tensor, gradient: Tensor, level: float) -> None:
        """Add the gradient of the penalties to that of a member's losses, shape (m, P)."""
        weights = self.weights[member]
        if weights.anchor:
            reference = self.references[member]
            displacement = theta if reference is None else theta - reference
            gradient.add_(self.masks[member] * displacement, alpha=2.0 * weights.anchor * level)
        if weights.coupling:
            gradient.add_(len(theta) * theta - theta.sum(dim=0), alpha=2.0 * weights.coupling / level)
