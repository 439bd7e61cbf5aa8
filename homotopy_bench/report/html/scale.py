"""Map values to coordinates of a figure, with round numbers as ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

TICKS = 5
"""About how many ticks an axis has."""

LEAST_ACCURACIES = 0.02
"""Smallest range of accuracies that is drawn over a whole axis."""

NOTHING = 1e-300
"""Ranges and values up to this size count as 0: parts of them are no ordinary numbers any more."""


@dataclass(frozen=True)
class Scale:
    """Map [low, high] linearly to the coordinates [start, stop]."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Return the coordinate start + (value - low) / (high - low) (stop - start)."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Return the multiples of 1, 2 or 5 times a power of ten within the scale, about :data:`TICKS` of them.

        Example:
            >>> Scale(0.0, 1.0, 0.0, 100.0).ticks()
            [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
        """
        rough = (self.high - self.low) / TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda one: abs(math.log(one / rough)))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        digits = max(0, 1 - math.floor(math.log10(step)))
        return [round(index * step, digits) for index in range(first, last + 1)]


def scale(values: Iterable[float], start: float, stop: float, *, least: float = 0.0, margin: float = 0.04) -> Scale:
    """Return a scale over all finite values with a margin; its range is at least ``least``, and never nothing.

    Args:
        values: What must be within it.
        start: Coordinate of its lower end.
        stop: Coordinate of its upper end.
        least: Smallest range of values.
        margin: Share of the range that is added at both ends.
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    around_one_value = abs(high) if abs(high) > NOTHING else 1.0
    lacking = max(least - (high - low), around_one_value if high - low <= NOTHING else 0.0, 0.0)
    low, high = low - lacking / 2, high + lacking / 2
    pad = margin * (high - low)
    return Scale(low - pad, high + pad, start, stop)
