"""The published stand-in for curvature that takes no derivative at all: how much the norm of the gradient changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from homotopy_bench.curvature.estimators.base import Estimator, Local


class GradientProxy(Estimator):
    """h = ||g| - |g'|| |g| with g' the gradient at the estimate before, so that h/|g|^2 = ||g| - |g'||/|g|.

    The latter is what the published code takes for kappa (github.com/thehalleyyoung/TorchType, proposal7,
    mnist_simplified_robust.py, at every step). The two gradients belong to different batches, and nothing is divided by
    the distance between the two points: h measures the noise of the batches, has not the unit of a curvature, and
    scales with the square of the loss. The first estimate, with nothing before it, is 0.
    """

    def __init__(
        self, blocks: Sequence[slice], like: Tensor, seeds: Sequence[int], products: int, first_products: int
    ) -> None:
        super().__init__(blocks, like, seeds, products, first_products)
        self._before = like.new_full((len(like), len(self.blocks)), torch.nan)

    def estimate(self, at: Local) -> Tensor:
        """Return h for every block."""
        norms = self.norms(at.gradient)
        change = torch.where(self._before.isnan(), 0.0, norms - self._before)
        self._before.copy_(norms)
        return change.abs() * norms

    def state(self) -> Mapping[str, Tensor]:
        """Return the norms of the last estimate."""
        return {"before": self._before}
