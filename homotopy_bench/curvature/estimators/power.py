"""The spectral norm by power iteration, continued from one training step to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

import torch
from torch import Tensor

from homotopy_bench.core.random_streams import stream_seed
from homotopy_bench.curvature.estimators.base import Estimator, Local


class Power(Estimator):
    """|H v| for a unit vector v, then v <- H v/|H v|: a lower bound of the spectral norm of H that closes in on it.

    The vector is kept, so that a product or two per estimate follow the leading eigenvector as training moves; only the
    first estimate, from random vectors, takes ``first_products``. It finds the eigenvalue of largest modulus, whatever
    its sign. A block is the diagonal block of H and takes products of its own, as many as there are blocks.
    """

    twice = True

    def __init__(
        self, blocks: Sequence[slice], like: Tensor, seeds: Sequence[int], products: int, first_products: int
    ) -> None:
        super().__init__(blocks, like, seeds, products, first_products)
        generators = [torch.Generator().manual_seed(stream_seed(seed, "power iteration")) for seed in seeds]
        start = torch.stack([torch.randn(like.shape[1], generator=one, dtype=torch.float64) for one in generators])
        self._vectors = start.to(like)
        for block in self.blocks:
            self._vectors[:, block] /= torch.linalg.vector_norm(self._vectors[:, block], dim=1, keepdim=True)
        self._begun = torch.zeros(len(like), dtype=torch.bool)

    def estimate(self, at: Local) -> Tensor:
        """Return |H v| on every block after ``products`` iterations."""
        rounds = self.products if bool(self._begun.any()) else self.first_products
        for _ in range(rounds):
            lengths = [self._turn(block, at.product(self._direction(block))[:, block]) for block in self.blocks]
        self._begun.fill_(True)
        return torch.stack(lengths, dim=1)

    def _direction(self, block: slice) -> Tensor:
        """Return the vectors with everything outside a block left out."""
        if len(self.blocks) == 1:
            return self._vectors
        direction = torch.zeros_like(self._vectors)
        direction[:, block] = self._vectors[:, block]
        return direction

    def _turn(self, block: slice, image: Tensor) -> Tensor:
        """Let the vectors of a block be their images, scaled to length one.

        Args:
            block: Columns of the block.
            image: What became of the vectors, shape (R, Q).

        Returns:
            Lengths before, shape (R,).
        """
        lengths: Tensor = torch.linalg.vector_norm(image, dim=1)
        if all(0.0 < length < inf for length in lengths.tolist()):
            torch.div(image, lengths[:, None], out=self._vectors[:, block])
        else:  # a broken or vanishing product must not cost the vector, which may still be good at the next step
            sound = (lengths.isfinite() & (lengths > 0.0))[:, None]
            self._vectors[:, block] = torch.where(sound, image / lengths[:, None], self._vectors[:, block])
        return lengths

    def state(self) -> Mapping[str, Tensor]:
        """Return the vectors, and whether the first estimate has been made."""
        return {"vectors": self._vectors, "begun": self._begun}
