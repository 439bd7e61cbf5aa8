"""Search spaces: keys with ranges or choices, and points that are the same for every contender that shares a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

from scipy.stats import qmc

DIMENSIONS = 8
"""Columns of the point set; the same for every contender, so that what they share takes the same values."""

SEED = 0


@dataclass(frozen=True)
class Range:
    """Values of one key: uniform in [low, high], or uniform in their logarithm."""

    key: str
    low: float
    high: float
    logarithmic: bool = False

    def at(self, u: float) -> str:
        """Return the override for a point u in [0, 1), with three significant digits."""
        low, high = (log(self.low), log(self.high)) if self.logarithmic else (self.low, self.high)
        value = low + u * (high - low)
        return f"{self.key}={(exp(value) if self.logarithmic else value):.3g}"


@dataclass(frozen=True)
class Choice:
    """Values of one key: each of a list with the same weight."""

    key: str
    values: tuple[str, ...]

    def at(self, u: float) -> str:
        """Return the override for a point u in [0, 1).

        Example:
            >>> Choice("method.split", ("layers", "channels")).at(0.7)
            'method.split=channels'
        """
        return f"{self.key}={self.values[int(u * len(self.values))]}"


Axis = Range | Choice


def settings(space: Sequence[Axis], count: int) -> list[tuple[str, ...]]:
    """Return ``count`` settings of a search space.

    The points are a scrambled Sobol sequence, which covers the space more evenly than random ones (Bergstra and Bengio
    2012, JMLR 13:281, section 5). Contenders whose spaces begin with the same keys get the same values of these.

    Args:
        space: The keys, those shared with other contenders first; at most 8.
        count: Number of settings.

    Returns:
        One tuple of overrides per setting.

    Example:
        >>> space = [Range("optimizer.lr", 1e-3, 1e-2, logarithmic=True), Range("x", 0, 1)]
        >>> first, second = settings(space, 2)
        >>> [setting[0] for setting in settings(space[:1], 2)] == [first[0], second[0]]
        True
    """
    # Sobol sequences come in powers of two; a shorter list takes the first points of one.
    power = max(count - 1, 1).bit_length()
    points = qmc.Sobol(DIMENSIONS, scramble=True, rng=SEED).random_base2(power)[:count]
    return [tuple(one.at(u) for one, u in zip(space, point[: len(space)], strict=True)) for point in points]
