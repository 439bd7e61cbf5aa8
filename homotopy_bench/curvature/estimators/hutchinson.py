"""Estimate the trace by Hutchinson's mean, block by block from the same products."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.core.random_streams import stream_seed
from homotopy_bench.curvature.estimators.base import Estimator, Local


class Hutchinson(Estimator):
    """|mean over probes of z·H z| for random signs z: the modulus of an unbiased estimate of tr H.

    The trace is the sum of all eigenvalues: many times the largest one, with a standard deviation that does not go away
    from step to step (Hutchinson 1990, Communications in Statistics 19, 433-450). z_b·(H z)_b gives the trace of a
    diagonal block, so that blocks cost nothing more. The first estimate takes as many probes as any other.
    """

    twice = True

    def estimate(self, at: Local) -> Float[Tensor, "R B"]:
        """Return the modulus of the estimated trace of every block."""
        generators = [torch.Generator().manual_seed(stream_seed(seed, "probes", at.step)) for seed in self.seeds]
        total = at.gradient.new_zeros(len(self.seeds), len(self.blocks))
        for _ in range(self.products):
            signs = [torch.randint(2, at.gradient.shape[1:], generator=one) * 2 - 1 for one in generators]
            probe = torch.stack(signs).to(at.gradient)
            terms = probe * at.product(probe)
            total += torch.stack([terms[:, block].sum(dim=1) for block in self.blocks], dim=1)
        return (total / self.products).abs()
