"""Estimate the spectral norm by power iteration, continued from one training step to the next."""

from __future__ import annotations

from math import inf

import torch
from jaxtyping import Float
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

    def begin(self) -> dict[str, Tensor]:
        """Return random unit vectors, and that there was no estimate."""
        like = self.like
        generators = [torch.Generator().manual_seed(stream_seed(seed, "power iteration")) for seed in self.seeds]
        start = torch.stack([torch.randn(like.shape[1], generator=one, dtype=torch.float64) for one in generators])
        vectors = start.to(like)
        for block in self.blocks:
            vectors[:, block] /= torch.linalg.vector_norm(vectors[:, block], dim=1, keepdim=True)
        return {"vectors": vectors, "begun": torch.zeros(len(like), dtype=torch.bool)}

    def estimate(self, at: Local) -> Float[Tensor, "R B"]:
        """Return |H v| on every block after ``products`` iterations."""
        rounds = self.products if bool(self.memory["begun"].any()) else self.first_products
        for _ in range(rounds):
            lengths = [self._turn(block, at.product(self._direction(block))[:, block]) for block in self.blocks]
        self.memory["begun"].fill_(True)
        return torch.stack(lengths, dim=1)

    def _direction(self, block: slice) -> Tensor:
        """Return the vectors with everything outside a block left out."""
        vectors = self.memory["vectors"]
        if len(self.blocks) == 1:
            return vectors
        direction = torch.zeros_like(vectors)
        direction[:, block] = vectors[:, block]
        return direction

    def _turn(self, block: slice, image: Tensor) -> Tensor:
        """Return the lengths (R,) of the images (R, Q) of a block's vectors, and set these to them, scaled to one."""
        lengths: Tensor = torch.linalg.vector_norm(image, dim=1)
        own = self.memory["vectors"][:, block]
        if all(0.0 < length < inf for length in lengths.tolist()):
            torch.div(image, lengths[:, None], out=own)
        else:  # a broken or vanishing product must not cost the vector, which may still be good at the next step
            # In float32 the squares of a sound product may be beyond all numbers. The other rows do not notice.
            precise = torch.linalg.vector_norm(image, dim=1, dtype=torch.float64).to(image)
            lengths = torch.where((lengths > 0.0) & lengths.isfinite(), lengths, precise)
            sound = (lengths.isfinite() & (lengths > 0.0))[:, None]
            own.copy_(torch.where(sound, image / lengths[:, None], own))
        return lengths
