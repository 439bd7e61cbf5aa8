"""List the number formats that parameters can have."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Format:
    """Describe a binary format of floating-point numbers."""

    name: str
    """As torch calls it."""
    bits: int
    """Significant bits, the leading one counted: rounding is at most 2^-bits of the number."""
    smallest_normal: float
    """Below this, numbers are subnormal and have fewer bits."""


def _format(name: str) -> Format:
    limits = torch.finfo(getattr(torch, name))
    return Format(name, 1 - round(math.log2(limits.eps)), limits.tiny)


FORMATS = BFLOAT16, FLOAT16, FLOAT32, FLOAT64 = tuple(map(_format, ("bfloat16", "float16", "float32", "float64")))
"""From few bits to many."""
