"""Measure beside the bounds: round the parameters, and see what becomes of gradient and loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Function = Callable[[Tensor], tuple[float, Tensor]]
"""theta (P,), float64 -> the loss there and its gradient (P,)."""

DOUBLE_BITS = 53
"""Significant bits of float64; with these nothing is rounded, so that 1 to 52 are tried."""


@dataclass(frozen=True)
class RoundingError:
    """Hold what rounding causes: |g(theta') - g|/|g|, not a number where g = 0, and |f(theta') - f|."""

    gradient: float
    loss: float


def round_to_bits(values: Tensor, bits: int) -> Tensor:
    """Return the nearest numbers with p = ``bits`` significant bits; of two equally near ones, the even one.

    x = m 2^e with 1/2 <= |m| < 1 becomes round(m 2^p) 2^(e - p), so that |x' - x| <= 2^-p |x|, for float64 on the host.
    The leading bit counts, which number formats do not store. Nothing overflows; what is not finite stays as it is.

    Raises:
        ValueError: If p is not one of 1, ..., 53.

    Example:
        >>> round_to_bits(torch.tensor([5.0, 7.0, 0.3], dtype=torch.float64), 2).tolist()
        [4.0, 8.0, 0.25]
    """
    if not 1 <= bits <= DOUBLE_BITS:
        raise ValueError(f"bits = {bits}: accepted are 1 to {DOUBLE_BITS}")
    # torch.ldexp forms its power of two in float32.
    mantissa, exponent = np.frexp(values.numpy())
    return torch.from_numpy(np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits))


def rounding_errors(function: Function, theta: Tensor, at: Iterable[Tensor] | None = None) -> list[RoundingError]:
    """Return the errors of gradient and loss at parameters theta' (P,) in place of theta (P,), float64.

    By default theta' is theta rounded to p significant bits, for p = 1, ..., 52.
    """
    loss, gradient = function(theta)
    there = map(function, at or (round_to_bits(theta, bits) for bits in range(1, DOUBLE_BITS)))
    return [RoundingError(float((g - gradient).norm() / gradient.norm()), abs(f - loss)) for f, g in there]


def sufficient_bits(errors: Sequence[float], eps: float) -> int | None:
    """Return the smallest p from which all larger p keep the error at eps or below, or None if the last is too large.

    The errors are those of p = 1, 2, ...; one that is small by chance at few bits does not count, and one that is not a
    number is too large.

    Example:
        >>> sufficient_bits([3.0, 0.1, 2.0, 0.1, 0.05], 0.1)
        4
        >>> sufficient_bits([1.0, 0.5], 0.1) is None
        True
    """
    bits = max((p for p, error in enumerate(errors, start=1) if not error <= eps), default=0) + 1
    return bits if bits <= len(errors) else None


def filled_up(theta: Tensor, stored_bits: int, generator: torch.Generator) -> Tensor:
    """Return parameters (float64) that fill all 53 bits and round back to the given ones.

    Parameters kept in float32 have 24 bits, and rounding them to more changes nothing: what 30 bits give could not be
    seen. Every parameter is multiplied by 1 + u 2^-s, with s the bits in which they are kept and u uniform in (-1/2,
    1/2), which is less than the rounding to s bits that made it; zeros stay zeros.
    """
    if stored_bits >= DOUBLE_BITS:
        return theta
    u = torch.rand(theta.shape, generator=generator, dtype=theta.dtype) - 0.5
    return theta * (1.0 + u * 2.0**-stored_bits)
