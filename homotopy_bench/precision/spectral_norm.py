"""Find |H|, the largest absolute eigenvalue, and check that the products are derivatives.

torch raises no error for every operation that cannot be differentiated twice: through one whose backward pass is marked
``once_differentiable`` the second derivative is silently left out. So the eigenvector found is tried once more, by
differences of gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from homotopy_bench.curvature.estimate import Eigenpair
from homotopy_bench.curvature.lanczos import lanczos
from homotopy_bench.precision.bounds import Figure, Missing, figure
from homotopy_bench.precision.loss import NetworkLoss

MAX_PRODUCTS = 100
BASIS = 250_000_000
"""Most numbers in the basis of Lanczos, 2 GB in float64: very large networks get fewer products."""

STEPS = (1e-8, 1e-9, 1e-7)
"""Lengths h of the differences. Kinks of the network between theta - h v and theta + h v are in the difference and not
in the Hessian; they are rare for steps as short as these, and one step without any is enough."""
AGREEMENT = 0.05
"""Tolerated difference, in units of the eigenvalue."""


@dataclass(frozen=True)
class SpectralNorm:
    """Hold |H| of one network."""

    value: Figure
    error: Figure
    """Norm of the Ritz residual: an eigenvalue lies within it."""
    products: int = 0
    converged: bool = False
    note: str = ""
    """What went wrong, in the words of who found out; empty where nothing did."""


def spectral_norm(function: NetworkLoss) -> SpectralNorm:
    """Return the larger absolute value of both ends of the spectrum, by Lanczos.

    Args:
        function: The loss.

    Returns:
        The norm, or why there is none: a network whose operations have no second derivative is no error.
    """
    missing = Missing.NO_SECOND_DERIVATIVE
    try:
        hessian = function.hessian()
        products = max(1, min(MAX_PRODUCTS, BASIS // len(function.theta)))
        ends = lanczos(hessian, hessian.like, torch.Generator().manual_seed(0), max_products=products)
    except RuntimeError as error:  # of which NotImplementedError is one
        return SpectralNorm(missing, missing, note=" ".join(str(error).split()))
    larger, other = sorted(ends, key=lambda end: -abs(end.value.item()))
    value, residual = abs(larger.value.item()), larger.error.item()
    if isinstance(figure(value), Missing):
        return SpectralNorm(Missing.NOT_FINITE, Missing.NOT_FINITE, hessian.products)
    if not _agrees(function, larger):
        return SpectralNorm(missing, missing, hessian.products, note="differences of gradients are not the products")
    # The end that is smaller need not be known well, but for not being the larger one.
    rival = abs(other.value.item()) + other.error.item()
    converged = bool(larger.converged) and (bool(other.converged) or rival <= value)
    return SpectralNorm(value, residual, hessian.products, converged)


def _agrees(function: NetworkLoss, pair: Eigenpair) -> bool:
    """Return whether (g(theta + h v) - g(theta - h v))/2h is the eigenvalue times v, for one of the steps h."""
    theta, vector = function.theta, pair.vector[0]
    value = pair.value.item()
    # Gradients have about 15 digits, of which the shortest step leaves 6.
    tolerated = AGREEMENT * abs(value) + pair.error.item() + 1e-6 * float(function(theta)[1].norm())
    differences = ((function(theta + h * vector)[1] - function(theta - h * vector)[1]) / (2.0 * h) for h in STEPS)
    return any(float((difference - value * vector).norm()) <= tolerated for difference in differences)
