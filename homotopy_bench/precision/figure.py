"""Define a figure: a number, or the reason why there is none."""

from __future__ import annotations

import math
from enum import StrEnum


class Missing(StrEnum):
    """Say why a figure has no number, in the words that stand in its place."""

    ZERO_GRADIENT = "zero gradient"
    ZERO_CURVATURE = "zero Hessian"
    ZERO_PARAMETERS = "zero parameters"
    NOT_FINITE = "not finite"
    NO_SECOND_DERIVATIVE = "no second derivative"


Figure = float | Missing


def figure(value: float) -> Figure:
    """Return a number as it is if it is finite.

    Example:
        >>> figure(0.5), str(figure(float("nan")))
        (0.5, 'not finite')
    """
    return value if math.isfinite(value) else Missing.NOT_FINITE
