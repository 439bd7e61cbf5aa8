"""Recommend a number format from the range and from bounds or measurements, and say why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from homotopy_bench.precision.figure import Figure, Missing
from homotopy_bench.precision.formats import FORMATS, Format
from homotopy_bench.precision.ranges import RangeLoss

TOLERATED_UNDERFLOW = 0.01
"""Share of values that may become zero in a format. Our choice: one overflow spoils a sum, an underflow hardly."""


@dataclass(frozen=True)
class Recommendation:
    """Hold a format, None where none is sufficient or nothing is known, and the reason in words."""

    dtype: str | None
    bits: int | None
    """Bits needed, by the demand that decided."""
    reason: str


def recommend(demands: Mapping[str, Figure], ranges: Sequence[RangeLoss]) -> Recommendation:
    """Choose the format of fewest bits that meets all demands and whose range holds the values.

    Args:
        demands: What asks for bits -> how many. The published bound does not belong here: it depends on the loss's
            unit.
        ranges: What formats lose by their range; one that is not named is not suspected.

    Returns:
        The format and why.

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
    name = max(known, key=lambda one: known[one])
    needed = max(math.ceil(known[name]), 1)
    asked = f"{needed} bits" if known[name] == needed else f"{known[name]:.1f} bits, so {needed}"
    decided = f"the {name} decides: {asked}"
    left_out = "".join(f"; without the {other} ({why})" for other, why in unknown.items())
    refused = ""
    for candidate in FORMATS:
        if candidate.bits < needed:
            continue
        objection = _objection(candidate, ranges)
        if objection is None:
            reason = f"{decided}; {candidate.name} has {candidate.bits}{refused}{left_out}"
            return Recommendation(candidate.name, needed, reason)
        refused += f"; not {candidate.name} ({candidate.bits}): {objection}"
    largest = FORMATS[-1]
    reason = f"{decided}; even {largest.name} has only {largest.bits}{refused}{left_out}"
    return Recommendation(None, needed, reason)


def _objection(candidate: Format, ranges: Sequence[RangeLoss]) -> str | None:
    for loss in (one for one in ranges if one.format == candidate.name):
        if loss.overflow > 0.0:
            return f"{100.0 * loss.overflow:.2g} % of the {loss.what} overflow"
        if loss.zero > TOLERATED_UNDERFLOW:
            return f"{100.0 * loss.zero:.2g} % of the {loss.what} become zero"
    return None
