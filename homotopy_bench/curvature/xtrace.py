"""XTrace: every probe samples what the others' sketch leaves, so that none is spent on one purpose alone.

With l probes there are l estimates: the exact trace on the range sketched by all probes but one, and Hutchinson's
estimate of the rest from that one. Their mean treats the probes alike, and needs 2 l products.
"""

from __future__ import annotations

import torch
from torch import Tensor

from homotopy_bench.curvature.estimate import Estimate, Operator, Vectors
from homotopy_bench.curvature.probes import spherical


def xtrace(
    operator: Operator, like: Vectors, generator: torch.Generator, *, sketch: int = 15, tolerance: float = 0.1
) -> Estimate:
    """Return an unbiased estimate of the trace of each member's matrix A.

    For probes w_1, ..., w_l and V_i an orthonormal basis of the range of A applied to all but w_i,

        t_i = tr V_i^T A V_i + (Q - l + 1) h_i·A h_i/|h_i|^2,   h_i = (1 - V_i V_i^T) w_i,   tr A ~ (1/l) sum_i t_i

    (Epperly, Tropp and Webber 2024, arXiv:2301.07825, algorithm 2, with the probes' remainders scaled to the sphere).
    It is exact to rounding where the rank of A is less than l.

    The variance of the mean is (var - cov)/l + cov, with var that of one t_i and cov the covariance of two. The paper's
    error, sqrt(sum_i (t_i - mean)^2/(l (l - 1))), estimates the first term alone. But the t_i share probes and rise
    and fall together: on slowly decaying spectra it is too small by a factor of 1.2 to 1.7. With t_ij the i-th estimate
    when probe j is left out altogether, cov is here the mean of (t_i - t_ij)(t_j - t_ji) over i != j. It is unbiased:
    t_ij does not depend on w_j, in which t_j has the mean tr A whatever the other probes are, so that what it adds to
    (t_i - tr A)(t_j - tr A) has mean zero. It takes no products; a negative one counts as 0.

    ``sketch`` is l, at least 3 and at most Q, and the products are 2 l; the other arguments are those of
    :func:`~homotopy_bench.curvature.hutchinson.hutchinson_trace`.

    Returns:
        Estimates and their errors.

    Raises:
        ValueError: If l is less than three, which has no error, or more than Q.

    Example:
        >>> matrix = torch.full((6, 6), 0.5, dtype=torch.float64)
        >>> like = torch.zeros(1, 6, dtype=torch.float64)
        >>> trace = xtrace(lambda v: v @ matrix, like, torch.Generator().manual_seed(0), sketch=3)
        >>> round(trace.value.item(), 4), trace.products
        (3.0, 6)
    """
    size = like.shape[1]
    if not 3 <= sketch <= size:
        raise ValueError(f"sketch = {sketch}: accepted are 3 to {size}, the size of the matrix")
    probes = torch.stack([spherical(like, generator) for _ in range(sketch)], dim=2)
    images = torch.stack([operator(w) for w in probes.unbind(dim=2)], dim=2)
    finite = images.isfinite().all(dim=2).all(dim=1)
    basis, triangle = torch.linalg.qr(torch.where(finite[:, None, None], images, 0.0))
    basis_images = torch.stack([operator(v) for v in basis.unbind(dim=2)], dim=2)

    inner, seen, crossed = basis.mT @ basis_images, basis.mT @ probes, basis_images.mT @ probes
    outer = (probes * images).sum(dim=1)
    t = _leave_one_out(inner, triangle, seen, crossed, outer, size)

    # Without probe j the problem is the same one, of l - 1 probes, in coordinates of the basis.
    others = torch.tensor([[i for i in range(sketch) if i != j] for j in range(sketch)], device=like.device)
    turn, triangles = torch.linalg.qr(_columns(triangle, others))
    without = _leave_one_out(
        turn.mT @ inner[:, None] @ turn,
        triangles,
        turn.mT @ _columns(seen, others),
        turn.mT @ _columns(crossed, others),
        outer[:, others],
        size,
    )
    change = inner.new_zeros(inner.shape)  # [j, i]: t_i - t_ij
    change.scatter_(2, others.expand(without.shape), t[:, others] - without)
    covariance = (change * change.mT).sum(dim=(1, 2)) / (sketch * (sketch - 1))
    value, error = t.mean(dim=1), (t.var(dim=1) / sketch + covariance.clamp_min(0.0)).sqrt()
    value, error = torch.where(finite, value, torch.nan), torch.where(finite, error, torch.inf)
    return Estimate(value, error, 2 * sketch, error <= tolerance * value.abs())


def _leave_one_out(inner: Tensor, triangle: Tensor, seen: Tensor, crossed: Tensor, outer: Tensor, size: int) -> Tensor:
    """Return t_i (..., l) for the probes W, from products with the basis V of A W = V R alone.

    No V_i is computed: it spans the range of V without the direction V s_i, where s_i is the i-th column of R^-T
    scaled to length one. ``inner`` is V^T A V, ``triangle`` R, ``seen`` V^T W, ``crossed`` V^T A W, each (..., l, l);
    ``outer`` is w_i·A w_i (..., l), and ``size`` Q, the square of the probes' length.
    """
    s = _left_out(triangle)
    known = inner.diagonal(dim1=-2, dim2=-1).sum(dim=-1, keepdim=True) - (s * (inner @ s)).sum(dim=-2)
    seen = seen - s * (s * seen).sum(dim=-2, keepdim=True)  # column i: the coordinates of V_i V_i^T w_i
    rest = outer - 2.0 * (seen * crossed).sum(dim=-2) + (seen * (inner @ seen)).sum(dim=-2)
    length = size - seen.square().sum(dim=-2)
    return known + rest * ((size - triangle.shape[-1] + 1) / length)


def _left_out(triangle: Tensor) -> Tensor:
    """Return the unit columns s_i of R^-T for triangles R (..., l, l).

    Column i is orthogonal to all columns of R but the i-th. Where A has a rank below l, R is singular and has such
    columns all the same; a diagonal at the level of rounding leads to them.
    """
    limits = torch.finfo(triangle.dtype)
    largest = triangle.abs().amax(dim=(-2, -1), keepdim=True).clamp_min(limits.tiny)
    scaled = triangle / largest
    diagonal = scaled.diagonal(dim1=-2, dim2=-1)
    raised = torch.where(diagonal.abs() < limits.eps, limits.eps, diagonal)
    regular = scaled + torch.diag_embed(raised - diagonal)
    unit = torch.eye(triangle.shape[-1], dtype=triangle.dtype, device=triangle.device).expand_as(triangle)
    columns: Tensor = torch.linalg.solve_triangular(regular.mT, unit, upper=False)
    lengths: Tensor = columns.norm(dim=-2, keepdim=True)
    return columns / lengths


def _columns(matrix: Tensor, chosen: Tensor) -> Tensor:
    """Return (M, l, p, l - 1): for each row of ``chosen`` (l, l - 1) those columns of ``matrix`` (M, p, l)."""
    return matrix[:, :, chosen].transpose(1, 2)
