"""Take the change of one batch's gradient along a short step down, by one more gradient: a secant."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.curvature.estimators.base import Estimator, Local

REACH = 1e-3
"""Length of the step in units of |theta|: short enough for the curvature of the point, long enough for float32."""


class Secant(Estimator):
    """h = |g(theta - r g/|g|) - g(theta)|_b/|r g/|g||_b with r = 1e-3 |theta|, both gradients on the same batch.

    As the secant equation of the quasi-Newton methods has it (Nocedal and Wright 2006, Numerical Optimization, eq.
    6.6). It is the size of H along the gradient, not the largest there is: never more than the spectral norm on a
    quadratic, and close to it where the gradient lies in the leading eigenvectors. On a block both norms are the
    block's own, so that it includes what the other blocks contribute; of a block without a gradient, which the step
    does not move, h is 0. Without any gradient it is not a number.
    """

    def estimate(self, at: Local) -> Float[Tensor, "R B"]:
        """Return h for every block."""
        gradient = at.gradient
        length = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        offset = -REACH * at.radius() * gradient / length
        moved = self.norms(offset)
        return torch.where(moved == 0.0, 0.0, self.norms(at.change(offset)) / moved)
