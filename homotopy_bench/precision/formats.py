"""The number formats that parameters can have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A binary format of floating-point numbers (IEEE 754-2019; bfloat16: the upper half of binary32)."""

    name: str
    """As torch calls it."""
    bits: int
    """Significant bits, the leading one counted: rounding is at most 2^-bits of the number."""
    largest: float
    """The largest number."""
    smallest_normal: float
    """Below this, numbers are subnormal and have fewer bits."""


BFLOAT16 = Format("bfloat16", 8, (2.0 - 2.0**-7) * 2.0**127, 2.0**-126)
FLOAT16 = Format("float16", 11, 65504.0, 2.0**-14)
FLOAT32 = Format("float32", 24, (2.0 - 2.0**-23) * 2.0**127, 2.0**-126)
FLOAT64 = Format("float64", 53, (2.0 - 2.0**-52) * 2.0**1023, 2.0**-1022)

FORMATS = (BFLOAT16, FLOAT16, FLOAT32, FLOAT64)
"""From few bits to many."""
