"""Measure beside the bounds: round the parameters, and see what becomes of gradient and loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Function = Callable[[Tensor], tuple[float, Tensor]]
"""theta (P,), float64 -> the loss there and its gradient (P,)."""

DOUBLE_BITS = 53
"""Significant bits of float64."""

BITS = range(1, DOUBLE_BITS)
"""The p that are tried, 1 to 52: with 53 nothing is rounded."""


@dataclass(frozen=True)
class RoundingError:
    """Hold the errors that rounding the parameters causes."""

    gradient: float
    """|g(theta') - g|/|g|; not a number where g = 0."""
    loss: float
    """|f(theta') - f|."""


def round_to_bits(values: Tensor, bits: int) -> Tensor:
    """Round to the nearest number with ``bits`` significant bits; of two equally near ones, to the even.

    x = m 2^e with 1/2 <= |m| < 1 becomes round(m 2^p) 2^(e - p), so that |x' - x| <= 2^-p |x|. The leading bit counts,
    which number formats do not store. Neither overflow nor underflow happens; ``ranges.py`` looks at them apart.

    Args:
        values: Numbers x, float64, on the host.
        bits: p, from 1 to 53.

    Returns:
        The rounded numbers, float64; what is not finite stays as it is.

    Raises:
        ValueError: If p is out of range.

    Example:
        >>> round_to_bits(torch.tensor([5.0, 7.0, 0.3], dtype=torch.float64), 2).tolist()
        [4.0, 8.0, 0.25]
    """
    if not 1 <= bits <= DOUBLE_BITS:
        raise ValueError(f"bits = {bits}: accepted are 1 to {DOUBLE_BITS}")
    # torch.ldexp forms its power of two in float32.
    mantissa, exponent = np.frexp(values.numpy())
    return torch.from_numpy(np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits))


def rounding_errors(function: Function, theta: Tensor, roundings: Sequence[Tensor]) -> list[RoundingError]:
    """Return the errors of gradient and loss at rounded parameters.

    Args:
        function: Loss and gradient.
        theta: The parameters, shape (P,), float64.
        roundings: Parameters theta' that stand in their place, each of shape (P,).

    Returns:
        An error for each of them.
    """
    loss, gradient = function(theta)
    norm = gradient.norm()
    errors = []
    for rounded in roundings:
        other_loss, other_gradient = function(rounded)
        errors.append(RoundingError(float((other_gradient - gradient).norm() / norm), abs(other_loss - loss)))
    return errors


def errors_by_bits(function: Function, theta: Tensor) -> list[RoundingError]:
    """Return the errors after rounding to p significant bits, for p = 1, ..., 52.

    Args:
        function: Loss and gradient.
        theta: The parameters, shape (P,), float64.
    """
    return rounding_errors(function, theta, [round_to_bits(theta, bits) for bits in BITS])


def sufficient_bits(errors: Sequence[float], eps: float) -> int | None:
    """Return the smallest p from which all larger p keep the error at eps or below.

    An error that is small by chance at few bits does not count.

    Args:
        errors: Errors for p = 1, 2, ...; one that is not a number is too large.
        eps: The accuracy.

    Returns:
        p, or None where the last error is too large.

    Example:
        >>> sufficient_bits([3.0, 0.1, 2.0, 0.1, 0.05], 0.1)
        4
        >>> sufficient_bits([1.0, 0.5], 0.1) is None
        True
    """
    too_large = [bits for bits, error in enumerate(errors, start=1) if not error <= eps]
    bits = too_large[-1] + 1 if too_large else 1
    return bits if bits <= len(errors) else None


def filled_up(theta: Tensor, stored_bits: int, generator: torch.Generator) -> Tensor:
    """Return parameters that fill all 53 bits and round back to the given ones.

    Parameters kept in float32 have 24 bits, and rounding them to more changes nothing: what 30 bits give could not be
    seen. Every parameter is multiplied by 1 + u 2^-s, u uniform in (-1/2, 1/2), which is less than the rounding to s
    bits that made it; zeros stay zeros.

    Args:
        theta: Parameters, float64.
        stored_bits: s, the significant bits of the format that they come from; 53 changes nothing.
        generator: Source of u, on the host.
    """
    if stored_bits >= DOUBLE_BITS:
        return theta
    u = torch.rand(theta.shape, generator=generator, dtype=theta.dtype) - 0.5
    return theta * (1.0 + u * 2.0**-stored_bits)
