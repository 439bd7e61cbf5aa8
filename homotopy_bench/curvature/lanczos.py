"""Find both ends of the spectrum at once, from one Krylov space.

The residual of either end is asked to be small, which bounds the error of the eigenvalue and makes a good eigenvector
of it too. Where the largest eigenvalue alone is wanted, and not its vector, ``largest.py`` takes fewer products.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from homotopy_bench.curvature.estimate import Eigenpair, Operator, Vectors
from homotopy_bench.curvature.krylov import Krylov
from homotopy_bench.curvature.probes import spherical


class Extremes(NamedTuple):
    """The two ends of each member's spectrum; the products of each are those of both together."""

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
    ends = (_End(-1, like), _End(0, like))
    done = torch.zeros(len(like), dtype=torch.bool)
    next_check = 1
    while krylov.steps < krylov.limit and not bool(done.all()):
        krylov.extend()
        k = krylov.steps
        due = k in (next_check, krylov.limit)
        ended = (krylov.beta == 0.0) & ~done
        if due or bool(ended.any()):
            if due:  # the eigenvalues of T at every step would cost k^4 in all
                next_check = k + max(1, k // 10)
            values, vectors = krylov.ritz()
            # When a member is looked at must not depend on another's end.
            skip = done if due else done | ~ended
            for end in ends:
                end.update(krylov, values, vectors, tolerance, skip)
            done = done | ~krylov.finite | (ends[0].converged & ends[1].converged)
    return Extremes(*(end.pair(like, krylov.steps) for end in ends))


class _End:
    """One end of the spectra while the process runs, at place ``index`` of the Ritz values, which ascend."""

    def __init__(self, index: int, like: Vectors) -> None:
        self.index = index
        self.value = torch.full((len(like),), torch.nan, dtype=torch.float64)
        self.error = torch.full((len(like),), torch.inf, dtype=torch.float64)
        self.converged = torch.zeros(len(like), dtype=torch.bool)
        self.vector = torch.zeros_like(like)

    def update(
        self,
        krylov: Krylov,
        values: Float[Tensor, "M k"],
        vectors: Float[Tensor, "M k k"],
        tolerance: float,
        skip: Bool[Tensor, " M"],
    ) -> None:
        """Take the end of the present T, with these Ritz pairs, for all members that are not to be skipped."""
        basis, rounding, broken = krylov.basis, krylov.rounding, ~krylov.finite
        value, weights = values[:, self.index], vectors[:, :, self.index]
        residual = torch.maximum(krylov.beta * weights[:, -1].abs(), rounding)
        self.value = torch.where(skip, self.value, torch.where(broken, torch.nan, value))
        self.error = torch.where(skip, self.error, torch.where(broken, torch.inf, residual))
        met = (residual <= tolerance * value.abs()) | (residual <= rounding)
        self.converged = torch.where(skip, self.converged, met & ~broken)
        vector = torch.einsum("mk,mkq->mq", weights.to(basis), basis)
        self.vector = torch.where(skip.to(basis.device)[:, None], self.vector, vector)

    def pair(self, like: Vectors, products: int) -> Eigenpair:
        """Return the end in the format and on the device of ``like``."""
        vector = self.vector / self.vector.norm(dim=1, keepdim=True)
        return Eigenpair(self.value.to(like), self.error.to(like), products, self.converged.to(like.device), vector)
