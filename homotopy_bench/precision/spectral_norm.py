"""Find |H|, the largest absolute eigenvalue, and check by differences of gradients that the products are derivatives.

An operation marked ``once_differentiable`` is found in the graph. One whose backward pass computes from detached values
leaves no trace there: torch silently leaves its second derivative out of the products. Then d(h) = (g(theta + h v) -
g(theta - h v))/2h differs from H v, for the eigenvector v, by the same vector at every h. Kinks, as of ReLU, between
theta - h v and theta + h v are in d(h) and not in H v either, but what they add changes with h, and is zero once h is
shorter than the way to the nearest.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch

from homotopy_bench.curvature.lanczos import lanczos
from homotopy_bench.precision.bounds import Figure, Missing, figure
from homotopy_bench.precision.loss import NetworkLoss

MAX_PRODUCTS = 100
BASIS = 250_000_000
"""Most numbers in the basis of Lanczos, 2 GB in float64: very large networks get fewer products."""

STEPS = (1e-7, 1e-8, 1e-9, 1e-10, 1e-11)
"""Lengths h: the first two show kinks nearby, with little rounding; the others are short enough to pass between."""
AGREEMENT = 1e-4
"""Tolerated |d(h) - H v|/|H v|. The best step came to 5e-8 or less on trained ReLU networks; where one layer's second
derivative was left out, every step to 7e-4 or more."""
CONSTANCY = 0.01
"""Change of d(h) - H v from a step to the next, in its own units, up to which it is constant. Left-out derivatives came
to 2e-3 at most, a single kink to 9; many are as constant by chance only where thousands lie within a step."""


@dataclass(frozen=True)
class SpectralNorm:
    """Hold |H| = ``value`` of one network; within ``error``, the norm of the Ritz residual, there is an eigenvalue.

    ``note`` says what went wrong. Of the two longest steps, ``step`` is the h where d(h) differs more from the product,
    ``differences`` is |d(h)| and ``discrepancy`` |d(h) - H v|/|H|: ``kinks`` where that is more than rounding.
    """

    value: Figure
    error: Figure
    products: int = 0
    converged: bool = False
    note: str = ""
    differences: Figure = Missing.NOT_FINITE
    discrepancy: Figure = Missing.NOT_FINITE
    step: float | None = None
    kinks: bool = False


def spectral_norm(function: NetworkLoss) -> SpectralNorm:
    """Return the larger absolute value of both ends of the spectrum, by Lanczos, or why there is none.

    A network whose operations have no second derivative is no error.
    """
    try:
        hessian = function.hessian()
        limit = max(1, min(MAX_PRODUCTS, BASIS // len(function.theta)))
        ends = lanczos(hessian, hessian.like, torch.Generator().manual_seed(0), max_products=limit)
    except RuntimeError as error:  # of which NotImplementedError is one
        return missing(Missing.NO_SECOND_DERIVATIVE, note=" ".join(str(error).split()))
    larger, other = sorted(ends, key=lambda end: -abs(end.value.item()))
    value, residual, products = abs(larger.value.item()), larger.error.item(), hessian.products
    if isinstance(figure(value), Missing):
        return missing(Missing.NOT_FINITE, products)
    theta, v, product = function.theta, larger.vector[0], hessian(larger.vector)[0]
    differences = [(function(theta + h * v)[1] - function(theta - h * v)[1]) / (2.0 * h) for h in STEPS]
    off = [difference - product for difference in differences]
    sizes = [float(one.norm()) for one in off]
    tolerated = AGREEMENT * float(product.norm()) + 1e-6 * float(function(theta)[1].norm())
    changes = [float((one - shorter).norm()) for one, shorter in pairwise(off)]
    constant = any(change <= CONSTANCY * size for change, size in zip(changes, sizes, strict=False))
    if min(sizes) > tolerated and constant:
        return missing(Missing.NO_SECOND_DERIVATIVE, products, "differences of gradients are not the products")
    # The end that is smaller need not be known well, but for not being the larger one.
    rival = abs(other.value.item()) + other.error.item()
    at = max((0, 1), key=lambda index: sizes[index])
    converged = bool(larger.converged) and (bool(other.converged) or rival <= value)
    found, discrepancy = float(differences[at].norm()), sizes[at] / value if value else Missing.ZERO_CURVATURE
    return SpectralNorm(value, residual, products, converged, "", found, discrepancy, STEPS[at], sizes[at] > tolerated)


def missing(why: Missing, products: int = 0, note: str = "") -> SpectralNorm:
    """Return the reason in place of the figures."""
    return SpectralNorm(why, why, products, note=note, differences=why, discrepancy=why)
