"""Run the homotopy training algorithm on a function: two copies of the variables, each with half of them anchored.

    H(x, y; L) = f(x) + L |M (x - x0)|² + g(y) + L |(1 - M) (y - x0)|² + |x - y|² / L

with M the first half of the coordinates and x0 the anchor. The paper does not define g; here it is f unless said
otherwise. For large L the copies are nearly independent and each is
held near the anchor in its own half; as L falls the anchors let go and the copies are pulled together. Minimise at
L = 0.9, 0.8, ..., 0.1, each time from the last minimum, then f itself from the mean of the copies.

Source: Chen and Hao, Proc. R. Soc. A 475 (2019) 20190662, eq. 3 and 35.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homotopy_bench.functions.base import Array, Objective, RowObjective
from homotopy_bench.functions.bfgs import Minima, minimize, minimize_rows
from homotopy_bench.functions.starts import first_half

LEVELS = tuple(tenths / 10.0 for tenths in range(9, 0, -1))
"""L = 0.9, 0.8, ..., 0.1."""
STAGE_TOLERANCE = 1e-3
"""Largest component of the gradient of H where a stage ends: it only has to stay on the path. The last stage, on f
itself, is as exact as any other search. At 1e-5 the stages take twice the steps, for the same counts in Table 1
from the anchor 2 up to n = 6."""


@dataclass(frozen=True)
class Path:
    """Hold the points that the homotopy passed through."""

    x: Array
    """The first copy (K + 1, S, n): its start, then its minimum at every level."""
    y: Array
    """The second copy (K + 1, S, n)."""
    end: Minima
    """The minima of f itself, reached from the mean of the copies; its iterations are those of this last stage."""
    iterations: NDArray[np.int64]
    """BFGS steps of all stages together (S,)."""


def coupled(first: Objective, second: Objective, anchors: Array, level: float) -> RowObjective:
    """Return H( . ; L) as an objective of 2n variables, the first copy in front.

    Args:
        first: f, of n variables.
        second: g, of n variables.
        anchors: x0 of every row (S, n).
        level: L > 0.

    Returns:
        The objective: points (S', 2n) and the numbers of their rows to values (S',) and gradients (S', 2n).

    Example:
        >>> H = coupled(zero, zero, np.array([[2.0, 2.0]]), level=0.5)
        >>> value, _ = H(np.array([[3.0, 7.0, 3.0, 2.0]]), np.array([0]))  # 0.5 (3 - 2)² + (7 - 2)² / 0.5
        >>> float(value[0])
        50.5
    """
    n = anchors.shape[1]
    half = first_half(n)

    def value_and_gradient(z: Array, row: NDArray[np.int64]) -> tuple[Array, Array]:
        x, y = z[:, :n], z[:, n:]
        from_anchor = np.where(half, x, y) - anchors[row]
        apart = x - y
        (x_value, x_gradient), (y_value, y_gradient) = first(x), second(y)
        penalty = level * (from_anchor * from_anchor).sum(axis=1) + (apart * apart).sum(axis=1) / level
        gradient = np.empty_like(z)
        gradient[:, :n] = x_gradient + 2.0 * (level * np.where(half, from_anchor, 0.0) + apart / level)
        gradient[:, n:] = y_gradient + 2.0 * (level * np.where(half, 0.0, from_anchor) - apart / level)
        return x_value + y_value + penalty, gradient

    return value_and_gradient


def zero(x: Array) -> tuple[Array, Array]:
    """Return the value 0 and its gradient at points (S, n): the g of a homotopy whose second copy has no function."""
    return np.zeros(len(x)), np.zeros_like(x)


def follow(
    objective: Objective,
    copies: tuple[Array, Array],
    anchors: Array,
    second: Objective | None = None,
    levels: Sequence[float] = LEVELS,
) -> Path:
    """Follow the homotopy from where the copies begin.

    Args:
        objective: f.
        copies: Where the copies x and y begin, (S, n) each, n even; by the paper's eq. 37 a start with its own half at
            the anchor, see :func:`~homotopy_bench.functions.starts.decoupled`.
        anchors: x0 of every start (S, n).
        second: g; f by default.
        levels: The values of L, falling.

    Returns:
        The path.
    """
    n = anchors.shape[1]
    passed = [np.concatenate(copies, axis=1)]
    iterations = np.zeros(len(anchors), dtype=np.int64)
    for level in levels:
        function = coupled(objective, second or objective, anchors, level)
        minima = minimize_rows(function, passed[-1], gradient_tolerance=STAGE_TOLERANCE)
        passed.append(minima.x)
        iterations += minima.iterations
    end = minimize(objective, 0.5 * (passed[-1][:, :n] + passed[-1][:, n:]))
    path = np.stack(passed)
    return Path(x=path[:, :, :n], y=path[:, :, n:], end=end, iterations=iterations + end.iterations)
