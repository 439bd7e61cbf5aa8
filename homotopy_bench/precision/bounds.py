"""Bits from curvature: how many significant bits the parameters need for a wanted accuracy eps.

Rounding theta to p significant bits (the leading one counted) moves every parameter by at most 2^-p of itself, and so
theta by a vector d with |d| <= 2^-p D, D = |theta|. That is why the scale D of the region is the norm of the parameters
here. With the gradient g and the spectral norm |H| of the Hessian at theta, to second order,

    |g(theta + d) - g|  <=  |H| |d|
    |f(theta + d) - f|  <=  |g| |d| + |H| |d|^2 / 2

and each bound below is the p at which one of these right-hand sides is what is tolerated. For a quadratic function they
are exact: from the next whole number of bits on, the error is at most eps. The published bound follows from neither.

All functions return a number, which may be negative, or the reason why there is none.
"""

from __future__ import annotations

import math

from homotopy_bench.precision.figure import Figure, Missing

_FLAT, _LEVEL, _ORIGIN = Missing.ZERO_CURVATURE, Missing.ZERO_GRADIENT, Missing.ZERO_PARAMETERS


def kappa(curvature: Figure, gradient: Figure) -> Figure:
    """Return kappa = |H|/|g|^2, in units of 1/loss.

    Args:
        curvature: |H|, the largest absolute eigenvalue of the Hessian.
        gradient: |g|, the Euclidean norm of the gradient.

    Example:
        >>> kappa(8.0, 2.0), str(kappa(8.0, 0.0))
        (2.0, 'zero gradient')
    """
    if isinstance(curvature, Missing) or isinstance(gradient, Missing):
        return _first(curvature, gradient)
    if gradient == 0.0:
        return _LEVEL
    # Two divisions: the square of a small norm would vanish.
    quotient = curvature / gradient / gradient
    return quotient if math.isfinite(quotient) else Missing.NOT_FINITE


def published(curvature: Figure, gradient: Figure, distance: Figure, eps: float) -> Figure:
    """Return log2(kappa D^2/eps), the bound as published.

    Where the loss is multiplied by c, kappa is divided by c, and the bound falls by log2(c), although the rounding of
    the parameters and the relative error of the gradient stay what they were.

    Args:
        curvature: |H|.
        gradient: |g|.
        distance: D, the scale of the region of the parameters.
        eps: The accuracy.

    Example:
        >>> published(8.0, 2.0, 4.0, 2.0**-10), published(16.0, 4.0, 4.0, 2.0**-10)
        (15.0, 14.0)
    """
    return _log2(eps, (curvature, 1, _FLAT), (distance, 2, _ORIGIN), (gradient, -2, _LEVEL))


def relative(curvature: Figure, gradient: Figure, distance: Figure, eps: float) -> Figure:
    """Return log2(|H| D/(|g| eps)), the bits for a relative error eps of the gradient.

    It does not change when the loss is multiplied by a constant.

    Args:
        curvature: |H|.
        gradient: |g|.
        distance: D.
        eps: Tolerated |g(theta + d) - g|/|g|.

    Example:
        >>> relative(8.0, 2.0, 4.0, 2.0**-10), relative(16.0, 4.0, 4.0, 2.0**-10)
        (14.0, 14.0)
    """
    return _log2(eps, (curvature, 1, _FLAT), (distance, 1, _ORIGIN), (gradient, -1, _LEVEL))


def absolute(curvature: Figure, distance: Figure, eps: float) -> Figure:
    """Return 0.5 log2(|H| D^2/(2 eps)), the bits for an absolute error eps of the loss at a minimum.

    It is the floor under the loss that parameters of p bits can reach. Away from a minimum the loss has a slope as
    well, and :func:`absolute_with_slope` holds.

    Args:
        curvature: |H|.
        distance: D.
        eps: Tolerated |f(theta + d) - f|, in units of the loss.

    Example:
        >>> absolute(8.0, 4.0, 2.0**-10)
        8.0
    """
    twice = _log2(2.0 * eps, (curvature, 1, _FLAT), (distance, 2, _ORIGIN))
    return twice if isinstance(twice, Missing) else 0.5 * twice


def absolute_with_slope(curvature: Figure, gradient: Figure, distance: Figure, eps: float) -> Figure:
    """Return the p with |g| d + |H| d^2/2 = eps for d = 2^-p D, the bits for an absolute error eps of the loss.

    p = log2(D (|g| + sqrt(|g|^2 + 2 |H| eps))/(2 eps)). At g = 0 it is :func:`absolute`, and where the slope decides it
    is log2(|g| D/eps).

    Args:
        curvature: |H|.
        gradient: |g|.
        distance: D.
        eps: Tolerated |f(theta + d) - f|, in units of the loss.

    Example:
        >>> absolute_with_slope(8.0, 0.0, 4.0, 2.0**-10), absolute_with_slope(0.0, 2.0, 4.0, 2.0**-10)
        (8.0, 13.0)
    """
    if isinstance(curvature, Missing) or isinstance(gradient, Missing) or isinstance(distance, Missing):
        return _first(curvature, gradient, distance)
    if distance == 0.0:
        return _ORIGIN
    steepness = gradient + math.hypot(gradient, math.sqrt(2.0 * curvature * eps))
    if steepness == 0.0:
        return _LEVEL
    return math.log2(distance) + math.log2(steepness) - math.log2(2.0 * eps)


def _log2(eps: float, *factors: tuple[Figure, int, Missing]) -> Figure:
    """Return log2 of a product of powers over eps; sums of logarithms neither overflow nor vanish.

    Args:
        eps: The divisor.
        *factors: A figure, its power, and the reason that is given where it is zero.
    """
    bits = -math.log2(eps)
    for value, power, if_zero in factors:
        if isinstance(value, Missing):
            return value
        if value == 0.0:
            return if_zero
        bits += power * math.log2(value)
    return bits


def _first(*figures: Figure) -> Missing:
    return next(value for value in figures if isinstance(value, Missing))
