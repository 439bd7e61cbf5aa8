"""Overflow and underflow: what a format loses besides bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from homotopy_bench.precision.formats import Format


@dataclass(frozen=True)
class RangeLoss:
    """Shares of the values that are not zero."""

    format: str
    what: str
    """Which values: parameters, gradients, activations."""
    values: int
    """Number of values that are not zero."""
    overflow: float
    """Too large: the cast makes them infinite, or they are not finite to begin with."""
    subnormal: float
    """So small that they keep fewer bits than the format has."""
    zero: float
    """So small that the cast makes them zero."""


def range_loss(what: str, tensors: Sequence[Tensor], target: Format) -> RangeLoss:
    """Count what a cast loses by its range.

    Args:
        what: Name of the values.
        tensors: The values, float64, of any shapes.
        target: The format.

    Returns:
        The shares, 0 where all values are zero.

    Example:
        >>> from homotopy_bench.precision.formats import FLOAT16
        >>> loss = range_loss("powers", [torch.tensor([1e5, 1.0, 1e-5, 1e-9, 0.0], dtype=torch.float64)], FLOAT16)
        >>> loss.values, loss.overflow, loss.subnormal, loss.zero
        (4, 0.25, 0.25, 0.25)
    """
    values = overflow = subnormal = zero = 0
    for tensor in tensors:
        given = tensor.detach()
        cast = given.to(getattr(torch, target.name)).double()
        present = given != 0.0
        values += int(present.sum())
        overflow += int((~cast.isfinite()).sum())
        zero += int((present & (cast == 0.0)).sum())
        subnormal += int(((cast != 0.0) & (cast.abs() < target.smallest_normal)).sum())
    whole = max(values, 1)
    return RangeLoss(target.name, what, values, overflow / whole, subnormal / whole, zero / whole)
