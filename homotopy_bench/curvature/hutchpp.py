"""Hutch++: the trace on a sketched subspace exactly, and what is left of it by Hutchinson's estimate.

A third of the products finds the directions where the matrix is large, a third gives its trace there, a third samples
the rest. Its variance falls with the square of the number of products where Hutchinson's falls with the number.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.curvature.estimate import Estimate, Operator, Vectors
from homotopy_bench.curvature.hutchinson import mean_estimate
from homotopy_bench.curvature.probes import rademacher


def hutchpp_trace(
    operator: Operator, like: Vectors, generator: torch.Generator, *, sketch: int = 10, tolerance: float = 0.1
) -> Estimate:
    """Return an unbiased estimate of the trace of each member's matrix A.

    With l random sign vectors in S, an orthonormal basis V of the range of A S, and l more sign vectors g,

        tr A ~ tr V^T A V + (1/l) sum_g h·A h,   h = (1 - V V^T) g

    (Meyer, Musco, Musco and Woodruff 2021, arXiv:2010.09649, algorithm 1, with m = 3 l). It is exact to rounding where
    the rank of A is at most l.

    ``sketch`` is l, at least 2 and at most Q, and the products are 3 l; the other arguments are those of
    :func:`~homotopy_bench.curvature.hutchinson.hutchinson_trace`.

    Returns:
        Estimates, and the standard errors of their sampled part, the only random one once V is known.

    Raises:
        ValueError: If l is less than two, which has no standard error, or more than Q.

    Example:
        >>> matrix = torch.full((6, 6), 0.5)
        >>> trace = hutchpp_trace(lambda v: v @ matrix, torch.zeros(1, 6), torch.Generator().manual_seed(0), sketch=2)
        >>> round(trace.value.item(), 4), trace.products
        (3.0, 6)
    """
    if not 2 <= sketch <= like.shape[1]:
        raise ValueError(f"sketch = {sketch}: accepted are 2 to {like.shape[1]}, the size of the matrix")
    images = torch.stack([operator(rademacher(like, generator)) for _ in range(sketch)], dim=2)
    basis = orthonormal(images)
    known = torch.stack([(v * operator(v)).sum(dim=1) for v in basis.unbind(dim=2)]).sum(dim=0)
    samples = []
    for _ in range(sketch):
        probe = rademacher(like, generator)
        rest = probe - torch.einsum("mql,ml->mq", basis, torch.einsum("mql,mq->ml", basis, probe))
        samples.append((rest * operator(rest)).sum(dim=1))
    return mean_estimate(known + torch.stack(samples), 3 * sketch, tolerance)


def orthonormal(columns: Float[Tensor, "M Q l"]) -> Float[Tensor, "M Q l"]:
    """Return orthonormal bases that hold the ranges of matrices of any rank; one that is not finite gives no number."""
    finite = columns.isfinite().all(dim=2).all(dim=1)[:, None, None]
    basis: Tensor = torch.linalg.qr(torch.where(finite, columns, 0.0))[0]
    return torch.where(finite, basis, torch.nan)
