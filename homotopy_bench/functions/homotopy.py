"""Run the homotopy training algorithm on a function: two copies of the variables, each with half of them anchored.

    H(x, y; L) = f(x) + L |M (x - x0)|² + f(y) + L |(1 - M) (y - x0)|² + |x - y|² / L

with M the first half of the coordinates and x0 the anchor. For large L the copies are nearly independent and each is
held near the anchor in its own half; as L falls the anchors let go and the copies are pulled together. Minimise at
L = 0.9, 0.8, ..., 0.1, each time from the last minimum, then f itself from the mean of the copies.

Source: Chen and Hao, Proc. R. Soc. A 475 (2019) 20190662, eq. 3 and 35.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homotopy_bench.functions.base import Array, Objective
from homotopy_bench.functions.bfgs import Minima, minimize
from homotopy_bench.functions.starts import decoupled, first_half

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


def coupled(objective: Objective, anchor: float, level: float) -> Objective:
    """Return H( . ; L) as an objective of 2n variables, the first copy in front.

    Args:
        objective: f, of n variables.
        anchor: The value x0 of every anchored coordinate.
        level: L > 0.

    Returns:
        The objective: points (S, 2n) to values (S,) and gradients (S, 2n).

    Example:
        >>> H = coupled(lambda x: (np.zeros(len(x)), np.zeros_like(x)), anchor=2.0, level=0.5)
        >>> value, _ = H(np.array([[3.0, 7.0, 3.0, 2.0]]))  # 0.5 (3 - 2)² + (7 - 2)² / 0.5
        >>> float(value[0])
        50.5
    """

    def value_and_gradient(z: Array) -> tuple[Array, Array]:
        n = z.shape[1] // 2
        first = first_half(n)
        x, y = z[:, :n], z[:, n:]
        from_anchor = np.where(first, x, y) - anchor
        apart = x - y
        (x_value, x_gradient), (y_value, y_gradient) = objective(x), objective(y)
        penalty = level * (from_anchor * from_anchor).sum(axis=1) + (apart * apart).sum(axis=1) / level
        gradient = np.empty_like(z)
        gradient[:, :n] = x_gradient + 2.0 * (level * np.where(first, from_anchor, 0.0) + apart / level)
        gradient[:, n:] = y_gradient + 2.0 * (level * np.where(first, 0.0, from_anchor) - apart / level)
        return x_value + y_value + penalty, gradient

    return value_and_gradient


def follow(objective: Objective, starts: Array, anchor: float, levels: Sequence[float] = LEVELS) -> Path:
    """Follow the homotopy from the decoupled start of every start.

    Args:
        objective: f.
        starts: The starts (S, n), n even; each copy begins there, with its own half at the anchor.
        anchor: The value x0.
        levels: The values of L, falling.

    Returns:
        The path.
    """
    n = starts.shape[1]
    copies = np.concatenate(decoupled(starts, anchor), axis=1)
    passed = [copies]
    iterations = np.zeros(len(starts), dtype=np.int64)
    for level in levels:
        minima = minimize(coupled(objective, anchor, level), passed[-1], gradient_tolerance=STAGE_TOLERANCE)
        passed.append(minima.x)
        iterations += minima.iterations
    end = minimize(objective, 0.5 * (passed[-1][:, :n] + passed[-1][:, n:]))
    path = np.stack(passed)
    return Path(x=path[:, :, :n], y=path[:, :, n:], end=end, iterations=iterations + end.iterations)
