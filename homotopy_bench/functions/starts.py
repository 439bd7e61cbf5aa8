"""Grids of starts, and the halves of the coordinates that the homotopy anchors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from homotopy_bench.core.errors import InputError
from homotopy_bench.functions.base import Array

MOST_STARTS = 100_000
"""Beyond it a grid is refused: (2n)² numbers per start would no longer fit beside everything else."""


FARTHEST = 1e50
"""Largest end of an axis: the functions take squares of squares."""


def check_dimension(dimension: int) -> None:
    """Refuse a dimension that cannot be split into halves.

    Args:
        dimension: The number n of variables.

    Raises:
        InputError: It is odd or smaller than 2.
    """
    if dimension < 2 or dimension % 2:
        raise InputError("--dimension", dimension, "accepted: an even integer >= 2, of which the homotopy anchors half")


def axis(low: float, high: float, points: int) -> Array:
    """Return equally spaced points of one axis, both ends included.

    Args:
        low: First point.
        high: Last point, above ``low``.
        points: How many, at least 2.

    Returns:
        The points (points,).

    Raises:
        InputError: The ends are too large or not in order, or there are too few or too many points.

    Example:
        >>> axis(-2.0, 4.0, 4).tolist()
        [-2.0, 0.0, 2.0, 4.0]
    """
    if points < 2:
        raise InputError("--points", points, "accepted: an integer >= 2, the starts along each axis")
    if points > MOST_STARTS:
        raise InputError("--points", points, f"accepted: at most {MOST_STARTS:,} starts in all")
    if not (-FARTHEST <= low < high <= FARTHEST):
        accepted = f"accepted: two numbers LOW HIGH with LOW < HIGH, of at most {FARTHEST:g}"
        raise InputError("--range", f"{low:g},{high:g}", accepted)
    return np.linspace(low, high, points)


def grid(points: Sequence[float] | Array, dimension: int) -> Array:
    """Return every point of the n-dimensional grid over one axis.

    Args:
        points: The m values each coordinate takes.
        dimension: The number n of variables, even.

    Returns:
        The m^n starts (S, n); the last coordinate varies fastest.

    Raises:
        InputError: The dimension is odd, or the starts are more than MOST_STARTS.

    Example:
        >>> grid([0.0, 1.0], 2).tolist()
        [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    """
    check_dimension(dimension)
    if dimension * math.log(len(points)) > math.log(MOST_STARTS) + 1e-9:
        count = f"{len(points)}^{dimension} starts"
        raise InputError("--points", len(points), f"{count} are too many; accepted: at most {MOST_STARTS:,}")
    mesh = np.meshgrid(*[np.asarray(points, dtype=np.float64)] * dimension, indexing="ij")
    return np.stack(mesh, axis=-1).reshape(-1, dimension)


def first_half(dimension: int) -> NDArray[np.bool_]:
    """Return the mask (n,) of the coordinates that the first copy anchors; the second anchors the others."""
    return np.arange(dimension) < dimension // 2


def decoupled(starts: Array, anchors: Array) -> tuple[Array, Array]:
    """Return where the two copies of the homotopy start: each has its own half at the anchor, the rest as it was.

    Args:
        starts: The starts (S, n).
        anchors: x0 of every start (S, n).

    Returns:
        The first copy's starts (S, n), with coordinates 1 ... n/2 at x0, and the second's, with the others there.

    Example:
        >>> [copy.tolist() for copy in decoupled(np.array([[5.0, 7.0]]), np.array([[2.0, 2.0]]))]
        [[[2.0, 7.0]], [[5.0, 2.0]]]
    """
    first = first_half(starts.shape[1])
    return np.where(first, anchors, starts), np.where(first, starts, anchors)
