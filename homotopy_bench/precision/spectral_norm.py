"""|H|, the largest absolute eigenvalue, with its error and what it cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from homotopy_bench.curvature.lanczos import lanczos
from homotopy_bench.curvature.products import CountedOperator
from homotopy_bench.precision.figure import Figure, Missing, figure

MAX_PRODUCTS = 100
BASIS = 250_000_000
"""Most numbers in the basis of Lanczos, 2 GB in float64: very large networks get fewer products."""


@dataclass(frozen=True)
class SpectralNorm:
    """|H| of one network."""

    value: Figure
    error: Figure
    """Norm of the Ritz residual: an eigenvalue lies within it."""
    products: int
    converged: bool
    note: str
    """What went wrong, in the words of who found out; empty where nothing did."""


def spectral_norm(make_hessian: Callable[[], CountedOperator]) -> SpectralNorm:
    """Return the larger absolute value of both ends of the spectrum, by Lanczos.

    Args:
        make_hessian: Returns the operator v (1, P) -> H v; may fail, as the products may.

    Returns:
        The norm, or why there is none: a network whose operations have no second derivative is no error.
    """
    try:
        hessian = make_hessian()
        products = max(1, min(MAX_PRODUCTS, BASIS // hessian.like.shape[1]))
        ends = lanczos(hessian, hessian.like, torch.Generator().manual_seed(0), max_products=products)
    except RuntimeError as error:  # of which NotImplementedError is one
        why = Missing.NO_SECOND_DERIVATIVE
        return SpectralNorm(why, why, 0, converged=False, note=" ".join(str(error).split()))
    larger, other = sorted(ends, key=lambda end: -abs(end.value.item()))
    rival = abs(other.value.item()) + other.error.item()
    value, error_bound = abs(larger.value.item()), larger.error.item()
    # The end that is smaller need not be known well, but for not being the larger one.
    converged = bool(larger.converged) and (bool(other.converged) or rival <= value)
    return SpectralNorm(figure(value), figure(error_bound), hessian.products, converged, "")
