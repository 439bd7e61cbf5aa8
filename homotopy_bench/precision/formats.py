"""Choose a number format: enough bits, and a range that holds the values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from homotopy_bench.precision.bounds import Figure, Missing

FORMATS = {
    dtype: 1 - round(math.log2(torch.finfo(dtype).eps))
    for dtype in (torch.bfloat16, torch.float16, torch.float32, torch.float64)
}
"""Format -> significant bits p, the leading one counted: rounding is at most 2^-p of the number. From few to many."""

TOLERATED_UNDERFLOW = 0.01
"""Share of values that may become zero in a format. Our choice: one overflow spoils a sum, an underflow hardly."""


@dataclass(frozen=True)
class RangeLoss:
    """Hold what a format loses besides bits: shares of those of the values, of one kind, that are not zero.

    They overflow where the cast makes them infinite or they are not finite to begin with, are subnormal where they are
    so small that they keep fewer bits than the format has, and are zero where the cast makes them so.
    """

    format: str
    what: str
    values: int
    overflow: float
    subnormal: float
    zero: float

    @property
    def objection(self) -> str | None:
        """What speaks against the format."""
        if self.overflow > 0.0:
            return f"{100.0 * self.overflow:.2g} % of the {self.what} overflow"
        return f"{100.0 * self.zero:.2g} % of the {self.what} become zero" if self.zero > TOLERATED_UNDERFLOW else None


@dataclass(frozen=True)
class Recommendation:
    """Hold a format, None where none suffices or nothing is known, the bits needed, and the reason in words."""

    dtype: str | None
    bits: int | None
    reason: str


def range_loss(what: str, tensors: Sequence[Tensor], dtype: torch.dtype) -> RangeLoss:
    """Return what a cast of float64 tensors, of any shapes, loses by its range: shares, 0 where all values are zero.

    Example:
        >>> values = torch.tensor([1e5, 1.0, 1e-5, 1e-9, 0.0], dtype=torch.float64)
        >>> range_loss("powers", [values], torch.float16)
        RangeLoss(format='float16', what='powers', values=4, overflow=0.25, subnormal=0.25, zero=0.25)
    """
    limits = torch.finfo(dtype)
    given = torch.cat([torch.empty(0), *(tensor.detach().flatten() for tensor in tensors)])
    cast = given[given != 0.0].to(dtype).double()
    zero = cast == 0.0
    lost = (~cast.isfinite(), ~zero & (cast.abs() < limits.smallest_normal), zero)
    return RangeLoss(limits.dtype, what, len(cast), *(int(mask.sum()) / max(len(cast), 1) for mask in lost))


def recommend(demands: Mapping[str, Figure], ranges: Sequence[RangeLoss]) -> Recommendation:
    """Return the format of fewest bits that meets all demands and whose range holds the values.

    Demands are what asks for bits -> how many; the published bound, which depends on the loss's unit, is none. A format
    that ``ranges`` do not name is not suspected.

    Example:
        >>> recommend({"relative bound": 9.3, "absolute bound": 4.0}, []).reason
        'the relative bound decides: 9.3 bits, so 10; float16 has 11'
        >>> recommend({"loss error": 9}, [RangeLoss("float16", "activations", 100, 0.5, 0.0, 0.0)]).reason
        'the loss error decides: 9 bits; float32 has 24; not float16 (11): 50 % of the activations overflow'
    """
    known = {name: bits for name, bits in demands.items() if not isinstance(bits, Missing)}
    unknown = {name: bits for name, bits in demands.items() if isinstance(bits, Missing)}
    if Missing.NOT_FINITE in unknown.values():
        return Recommendation(None, None, "the figures are not finite: no format helps")
    if not known:
        return Recommendation(None, None, f"nothing asks for bits: {', '.join(sorted(set(unknown.values())))}")
    decisive = max(known, key=lambda one: known[one])
    needed = max(math.ceil(known[decisive]), 1)
    asked = f"{needed} bits" if known[decisive] == needed else f"{known[decisive]:.1f} bits, so {needed}"
    chosen, sufficient, refused = None, f"even float64 has only {FORMATS[torch.float64]}", ""
    for name, bits in ((torch.finfo(dtype).dtype, bits) for dtype, bits in FORMATS.items() if bits >= needed):
        objection = next((loss.objection for loss in ranges if loss.format == name and loss.objection), None)
        if objection is None:
            chosen, sufficient = name, f"{name} has {bits}"
            break
        refused += f"; not {name} ({bits}): {objection}"
    left_out = "".join(f"; without the {other} ({why})" for other, why in unknown.items())
    return Recommendation(chosen, needed, f"the {decisive} decides: {asked}; {sufficient}{refused}{left_out}")
