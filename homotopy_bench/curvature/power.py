"""Power iteration: the eigenvalue of largest modulus, cheap where a good start is known."""

from __future__ import annotations

import torch

from homotopy_bench.curvature.estimate import Eigenpair, Operator, Vectors


def power_iteration(
    operator: Operator,
    like: Vectors,
    generator: torch.Generator,
    *,
    start: Vectors | None = None,
    tolerance: float = 1e-2,
    max_products: int = 100,
) -> Eigenpair:
    """Return the eigenvalue of largest modulus of each member's matrix A, with its sign.

    v <- A v/|A v|. The value is the Rayleigh quotient r = v·A v of a unit vector v, the error the norm of the residual,
    |A v - r v|: an eigenvalue lies within it (Parlett 1998, The Symmetric Eigenvalue Problem, theorem 4.5.1). It may be
    another than the largest while v has little of the largest one's vector, and there is no convergence where two
    eigenvalues of opposite sign have the largest modulus.

    A member has converged, and ends, when |A v - r v| <= ``tolerance`` |r|: its result does not depend on the others'.
    A row of ``start`` that is zero or not finite starts at random, as all do without it. All other arguments are those
    of :func:`~homotopy_bench.curvature.lanczos.lanczos`.

    Returns:
        Values, errors and unit vectors.

    Example:
        >>> matrix = torch.diag(torch.tensor([1.0, -4.0, 2.0]))
        >>> top = power_iteration(lambda v: v @ matrix, torch.zeros(1, 3), torch.Generator().manual_seed(0))
        >>> round(top.value.item(), 3), top.converged.tolist()
        (-4.0, [True])
    """
    random = torch.randn(like.shape[1:], generator=generator, dtype=torch.float64).to(like).expand_as(like)
    vector = random
    if start is not None:
        lengths = start.norm(dim=1, keepdim=True)
        vector = torch.where(lengths.isfinite() & (lengths > 0.0), start, random)
    vector = vector / vector.norm(dim=1, keepdim=True)
    value, error = torch.full_like(like[:, 0], torch.nan), torch.full_like(like[:, 0], torch.inf)
    converged = torch.zeros_like(value, dtype=torch.bool)
    found, products = vector, 0
    while products < max_products and not bool(converged.all()):
        image = operator(vector)
        products += 1
        quotient = (vector * image).sum(dim=1)
        residual = torch.linalg.vector_norm(image - quotient[:, None] * vector, dim=1, dtype=torch.float64).to(image)
        value, error = torch.where(converged, value, quotient), torch.where(converged, error, residual)
        found = torch.where(converged[:, None], found, vector)
        converged = converged | (residual <= tolerance * quotient.abs())
        length = torch.linalg.vector_norm(image, dim=1, keepdim=True, dtype=torch.float64).to(image)
        vector = torch.where(length > 0.0, image / length, vector)
    return Eigenpair(value, error, products, converged, found)
