"""Rounding to p significant bits, with an exponent without bounds."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

DOUBLE_BITS = 53
"""Significant bits of float64."""


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
