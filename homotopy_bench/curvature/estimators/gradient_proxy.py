"""Take the change of the gradient's norm for curvature: the published stand-in, which takes no second derivative."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.curvature.estimators.base import Estimator, Local


class GradientProxy(Estimator):
    """h = ||g| - |g'|| |g| with g' the gradient at the estimate before, so that h/|g|^2 = ||g| - |g'||/|g|.

    The latter is what the published code takes for kappa (github.com/thehalleyyoung/TorchType, proposal7,
    mnist_simplified_robust.py, at every step). The two gradients belong to different batches, and nothing is divided by
    the distance between the two points: h measures the noise of the batches, has not the unit of a curvature, and
    scales with the square of the loss. The first estimate, with nothing before it, is 0.
    """

    def begin(self) -> dict[str, Tensor]:
        """Return no norms before the first estimate."""
        return {"before": self.like.new_full((len(self.like), len(self.blocks)), torch.nan)}

    def estimate(self, at: Local) -> Float[Tensor, "R B"]:
        """Return h for every block."""
        norms, before = self.norms(at.gradient), self.memory["before"]
        change = torch.where(before.isnan(), 0.0, norms - before)
        before.copy_(norms)
        return change.abs() * norms
