"""Find both ends of the spectrum at once, from one Krylov space.

The residual of either end is asked to be small, which bounds the error of the eigenvalue and makes a good eigenvector
of it too. Where the largest eigenvalue alone is wanted, and not its vector, ``largest.py`` takes fewer products.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from homotopy_bench.curvature.estimate import Eigenpair, Operator, Vectors
from homotopy_bench.curvature.krylov import Krylov
from homotopy_bench.curvature.probes import spherical


class Extremes(NamedTuple):
    """Hold the two ends of each member's spectrum; the products of each are those of both together."""

    largest: Eigenpair
    smallest: Eigenpair


def lanczos(
    operator: Operator,
    like: Vectors,
    generator: torch.Generator,
    *,
    start: Vectors | None = None,
    tolerance: float = 1e-3,
    max_products: int = 100,
) -> Extremes:
    """Return the largest and the smallest eigenvalue of each member's matrix A.

    For an eigenvector s of T with eigenvalue r, the Ritz vector V^T s has the residual |A V^T s - r V^T s| =
    beta_k |s_k|, with beta_k the norm of the next basis vector before it is scaled (Parlett 1998, The Symmetric
    Eigenvalue Problem, section 13.2): an eigenvalue lies within it. Where beta_k vanishes to rounding the Krylov space
    is invariant, and the residual is that rounding.

    A member ends when both its residuals do, so that its result does not depend on the others'. The basis takes
    M times max_products times Q numbers.

    Args:
        operator: v (M, Q) -> A v (M, Q), symmetric.
        like: Gives shape (M, Q), format and device.
        generator: Source of the random start, on the host.
        start: Vectors (M, Q) to start from instead, none of them zero.
        tolerance: An end has converged when its residual is at most tolerance |r|, or the rounding of A.
        max_products: Most products per member, at least 1; more than Q are never taken.

    Returns:
        Both ends, with values, errors and unit vectors.

    Example:
        >>> matrix = torch.diag(torch.tensor([1.0, -4.0, 2.0]))
        >>> ends = lanczos(lambda v: v @ matrix, torch.zeros(1, 3), torch.Generator().manual_seed(0))
        >>> round(ends.largest.value.item(), 4), round(ends.smallest.value.item(), 4), ends.largest.products
        (2.0, -4.0, 3)
    """
    krylov = Krylov(operator, spherical(like, generator) if start is None else start, max_products)
    value = torch.full((2, len(like)), torch.nan, dtype=torch.float64)  # of the largest and of the smallest
    error = torch.full_like(value, torch.inf)
    converged = torch.zeros_like(value, dtype=torch.bool)
    vector = like.new_zeros(2, *like.shape)
    done = torch.zeros(len(like), dtype=torch.bool)
    next_check = 1
    while krylov.steps < krylov.limit and not bool(done.all()):
        krylov.extend()
        seen = ~done
        if krylov.steps in (next_check, krylov.limit):  # the eigenvalues of T at every step would cost k^4 in all
            next_check = krylov.steps + max(1, krylov.steps // 10)
        else:  # when a member is looked at must not depend on another's end
            seen &= krylov.beta == 0.0
        if not bool(seen.any()):
            continue
        values, vectors = krylov.ritz()
        theta, weights = values[:, [-1, 0]].mT, vectors[:, :, [-1, 0]].unbind(dim=2)
        residual = torch.stack([torch.maximum(krylov.beta * own[:, -1].abs(), krylov.rounding) for own in weights])
        value = torch.where(seen, torch.where(krylov.finite, theta, torch.nan), value)
        error = torch.where(seen, torch.where(krylov.finite, residual, torch.inf), error)
        met = residual <= torch.maximum(tolerance * theta.abs(), krylov.rounding)
        converged = torch.where(seen, met & krylov.finite, converged)
        ritz = torch.stack([torch.einsum("mk,mkq->mq", own.to(like), krylov.basis) for own in weights])
        vector = torch.where(seen.to(like.device)[:, None], ritz, vector)
        done = done | ~krylov.finite | converged.all(dim=0)
    vector = vector / vector.norm(dim=2, keepdim=True)
    ends = zip(value.to(like), error.to(like), converged.to(like.device), vector, strict=True)
    return Extremes(*(Eigenpair(r, within, krylov.steps, met, unit) for r, within, met, unit in ends))
