"""Compute from curvature how many significant bits the parameters need for a wanted accuracy eps.

Rounding theta to p significant bits (the leading one counted) moves every parameter by at most 2^-p of itself, and so
theta by a vector d with |d| <= 2^-p D, D = |theta|. That is why the scale D of the region is the norm of the parameters
here. With the gradient g and the spectral norm |H| of the Hessian at theta, to second order,

    |g(theta + d) - g|  <=  |H| |d|
    |f(theta + d) - f|  <=  |g| |d| + |H| |d|^2 / 2

and each bound but the published one is the p at which one of these right-hand sides is what is tolerated. For a
quadratic function they are exact: from the next whole number of bits on, the error is at most eps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from math import log2


class Missing(StrEnum):
    """Say why a figure has no number, in the words that stand in its place."""

    ZERO_GRADIENT = "zero gradient"
    ZERO_CURVATURE = "zero Hessian"
    ZERO_PARAMETERS = "zero parameters"
    NOT_FINITE = "not finite"
    NO_SECOND_DERIVATIVE = "no second derivative"


Figure = float | Missing
"""A number, or the reason why there is none."""

_ZERO = {"H": Missing.ZERO_CURVATURE, "g": Missing.ZERO_GRADIENT, "D": Missing.ZERO_PARAMETERS}


def figure(value: float) -> Figure:
    """Return a number as it is if it is finite."""
    return value if math.isfinite(value) else Missing.NOT_FINITE


def _with_slope(d: float, g: float, h: float, eps: float) -> float:
    return log2(d) + log2(g + math.hypot(g, math.sqrt(2.0 * h * eps))) - log2(2.0 * eps)


# Logarithms are added and quotients taken one by one: products and squares of the norms may overflow or vanish.
_TABLE: dict[str, tuple[str, str, Callable[..., float]]] = {
    "kappa": ("|H|/|g|^2", "gH", lambda g, h, _: h / g / g),
    "published": ("log2(kappa D^2/eps)", "HDg", lambda h, d, g, eps: -log2(eps) + log2(h) + 2 * log2(d) - 2 * log2(g)),
    "relative": ("log2(|H| D/(|g| eps))", "HDg", lambda h, d, g, eps: -log2(eps) + log2(h) + log2(d) - log2(g)),
    "absolute": ("0.5 log2(|H| D^2/(2 eps))", "HD", lambda h, d, eps: 0.5 * (-log2(2.0 * eps) + log2(h) + 2 * log2(d))),
    "absolute with slope": ("|g| d + |H| d^2/2 = eps, d = D/2^p", "DgH", _with_slope),
}
"""Name -> formula, norms that it needs in the order of its arguments, function of these and eps."""

FORMULAS = {name: formula for name, (formula, _, _) in _TABLE.items()}


def bounds(curvature: Figure, gradient: Figure, distance: Figure, eps: float) -> dict[str, Figure]:
    """Return kappa, and the bits p of each bound: a number, which may be negative, or the reason why there is none.

    From |H|, the largest absolute eigenvalue of the Hessian, |g|, the norm of the gradient, D, the scale of the region
    of the parameters, and the accuracy eps:

    - kappa = |H|/|g|^2, in units of 1/loss.
    - published, log2(kappa D^2/eps): where the loss is multiplied by c it falls by log2(c), although the rounding of
      the parameters and the relative error of the gradient stay what they were.
    - relative, log2(|H| D/(|g| eps)): |g(theta + d) - g| <= eps |g|. No constant factor of the loss changes it.
    - absolute, 0.5 log2(|H| D^2/(2 eps)): |f(theta + d) - f| <= eps at a minimum, the floor under the loss.
    - absolute with slope, log2(D (|g| + sqrt(|g|^2 + 2 |H| eps))/(2 eps)): the same anywhere. It solves |g| d +
      |H| d^2/2 = eps for d = 2^-p D; at g = 0 it is the absolute bound, and where the slope decides log2(|g| D/eps).

    Example:
        >>> bounds(8.0, 2.0, 4.0, 2.0**-10)["relative"], bounds(16.0, 4.0, 4.0, 2.0**-10)["relative"]
        (14.0, 14.0)
        >>> {name: str(bits) for name, bits in bounds(8.0, 0.0, 4.0, 2.0**-10).items() if name != "published"}
        {'kappa': 'zero gradient', 'relative': 'zero gradient', 'absolute': '8.0', 'absolute with slope': '8.0'}
    """
    norms = {"H": curvature, "g": gradient, "D": distance}
    return {
        name: _value(function, {one: norms[one] for one in needed}, eps)
        for name, (_, needed, function) in _TABLE.items()
    }


def _value(function: Callable[..., float], norms: dict[str, Figure], eps: float) -> Figure:
    for norm in norms.values():
        if isinstance(norm, Missing):
            return norm
    try:
        return figure(function(*norms.values(), eps))
    except (ValueError, ZeroDivisionError):  # log2(0) and 1/0
        return next(_ZERO[name] for name, norm in norms.items() if norm == 0.0)
