"""BFGS from thousands of starts at once, in float64.

Every start is a row that searches on its own; the rows only share the calls. One pass evaluates the objective once, at
the current trial point of every row. A row whose trial satisfies the weak Wolfe conditions takes the step, updates its
inverse Hessian and gets a new direction; any other narrows its bracket. So no row waits for the line search of
another, and a row that has ended leaves the arrays.

Inside, the rows are the last axis: every operation runs over contiguous memory, whatever n is. Points go out and come
in as (S, n).

Worked example, the minimiser of a convex quadratic:

    >>> scales = np.array([1.0, 10.0])
    >>> ends = minimize(lambda x: (0.5 * (scales * x * x).sum(axis=1), scales * x), np.array([[3.0, 1.0], [0.0, 2.0]]))
    >>> bool(abs(ends.x).max() < 1e-5), ends.converged.tolist()
    (True, [True, True])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homotopy_bench.functions.base import Array, Objective, RowObjective

DECREASE = 1e-4
"""c1 of the Wolfe conditions: f(x + t p) <= f(x) + c1 t g·p."""
CURVATURE = 0.9
"""c2 of the weak Wolfe conditions: g(x + t p)·p >= c2 g·p."""
MOST_TRIALS = 60
"""A bracket halved so often is below the spacing of float64: f cannot be seen to decrease any more."""
CHUNK_BYTES = 2**20
"""The inverse Hessians worked on together; more would leave the cache of one core."""
CROWDED = 0.8
"""Ended rows are dropped when fewer than this fraction still search: dropping copies the matrices of the others."""


@dataclass(frozen=True)
class Minima:
    """Hold the points where the searches ended, a row per start."""

    x: Array
    """Points (S, n)."""
    value: Array
    """f at the points (S,)."""
    gradient_norm: Array
    """The largest component of the gradient there, by modulus (S,)."""
    iterations: NDArray[np.int64]
    """Steps taken (S,)."""
    evaluations: NDArray[np.int64]
    """Evaluations of f with its gradient (S,), the one at the start included."""
    converged: NDArray[np.bool_]
    """Whether the gradient's test was met (S,)."""


def minimize(
    objective: Objective, starts: Array, *, gradient_tolerance: float = 1e-5, max_iterations: int = 1000
) -> Minima:
    """Minimise one function from every start.

    Args:
        objective: Points (S', n) to values (S',) and gradients (S', n), for any number S' of rows.
        starts: The starts (S, n).
        gradient_tolerance: See :func:`minimize_rows`.
        max_iterations: See there.

    Returns:
        The ends, in the order of the starts.
    """
    return minimize_rows(
        lambda x, _: objective(x), starts, gradient_tolerance=gradient_tolerance, max_iterations=max_iterations
    )


def minimize_rows(
    objective: RowObjective, starts: Array, *, gradient_tolerance: float = 1e-5, max_iterations: int = 1000
) -> Minima:
    """Minimise each row's function from its start by BFGS with a weak Wolfe line search.

    The step along p = -B g is t = 1, at the first iteration, where B = I, t = 1/|g|: a step of length 1. The line
    search doubles t until it has a bracket, then halves the bracket (Lewis and Overton, Math. Program. 141 (2013)
    135-163, algorithm 4.6). Before the first update B is scaled to I s·y/y·y (Nocedal and Wright, Numerical
    Optimization, 2nd ed., eq. 6.20); the update is their eq. 6.17, with s = t p and y the change of the gradient.

    A row ends where max_i |g_i| <= ``gradient_tolerance`` (scipy's test), after ``max_iterations`` steps, or where
    float64 shows no further decrease along p.

    Args:
        objective: Points (S', n) and the numbers (S',) of their starts to values (S',) and gradients (S', n).
        starts: The starts (S, n).
        gradient_tolerance: The test on the gradient, in units of f per unit of x.
        max_iterations: The most steps of a row; 0 only evaluates.

    Returns:
        The ends, in the order of the starts.
    """
    count, dimension = starts.shape
    rows = max(1, CHUNK_BYTES // (8 * dimension**2))
    ends = Minima(
        x=np.empty((count, dimension)),
        value=np.empty(count),
        gradient_norm=np.empty(count),
        iterations=np.zeros(count, dtype=np.int64),
        evaluations=np.zeros(count, dtype=np.int64),
        converged=np.zeros(count, dtype=np.bool_),
    )
    # A trial far outside may overflow; it then fails the test of decrease and the bracket shrinks.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for start in range(0, count, rows):
            searches = _Searches(objective, starts, np.arange(start, min(start + rows, count)), ends)
            searches.run(gradient_tolerance, max_iterations)
    return ends


class _Searches:
    """Hold the rows that still search, and the arrays of their state with the rows as the last axis."""

    def __init__(self, objective: RowObjective, starts: Array, row: NDArray[np.int64], ends: Minima) -> None:
        self.objective = objective
        self.ends = ends
        self.row = row
        dimension = starts.shape[1]
        self.x = np.ascontiguousarray(starts[row].T, dtype=np.float64)
        self.value, self.gradient = self._evaluate(self.x)
        self.inverse_hessian = np.zeros((dimension, dimension, len(row)))
        self.inverse_hessian[np.arange(dimension), np.arange(dimension)] = 1.0
        self.direction = -self.gradient
        self.slope = -_dot(self.gradient, self.gradient)
        self.step = 1.0 / np.sqrt(np.maximum(-self.slope, np.finfo(np.float64).tiny))
        self.low = np.zeros(len(row))
        self.high = np.full(len(row), np.inf)
        self.trials = np.zeros(len(row), dtype=np.int64)
        self.iterations = np.zeros(len(row), dtype=np.int64)
        self.evaluations = np.ones(len(row), dtype=np.int64)
        self.searching = np.ones(len(row), dtype=np.bool_)

    def run(self, gradient_tolerance: float, max_iterations: int) -> None:
        """Search until every row has ended."""
        self._end_rows(gradient_tolerance, max_iterations)
        while len(self.row):
            self._advance()
            self._end_rows(gradient_tolerance, max_iterations)

    def _evaluate(self, x: Array) -> tuple[Array, Array]:
        value, gradient = self.objective(x.T, self.row)
        return value, np.ascontiguousarray(gradient.T)

    def _advance(self) -> None:
        """Try one step in every row: take it, or narrow the bracket."""
        trial = self.x + self.step * self.direction
        value, gradient = self._evaluate(trial)
        decreased = value <= self.value + DECREASE * self.step * self.slope
        accepted = decreased & (_dot(gradient, self.direction) >= CURVATURE * self.slope) & self.searching
        self.evaluations += 1
        self.trials += 1
        self.high = np.where(decreased, self.high, self.step)
        self.low = np.where(decreased, self.step, self.low)
        step = np.where(np.isinf(self.high), 2.0 * self.step, 0.5 * (self.low + self.high))
        if accepted.any():
            self._take(accepted, trial, value, gradient)
            step[accepted] = 1.0
        self.step = step

    def _take(self, accepted: NDArray[np.bool_], trial: Array, value: Array, gradient: Array) -> None:
        """Move the accepted rows and give them a new direction. The others get zeros to add: no matrix is copied."""
        displacement = np.where(accepted, trial - self.x, 0.0)
        change = np.where(accepted, gradient - self.gradient, 0.0)
        curvature = _dot(displacement, change)
        # Positive by the second Wolfe condition, but for rounding: then the row moves and keeps its matrix.
        positive = curvature > 0.0
        reciprocal = np.where(positive, 1.0 / curvature, 0.0)
        first = positive & (self.iterations == 0)
        if first.any():
            self.inverse_hessian *= np.where(first, curvature / _dot(change, change), 1.0)
        product = np.einsum("ijs,js->is", self.inverse_hessian, change)
        half = 0.5 * reciprocal * (1.0 + reciprocal * _dot(change, product))
        other = half * displacement - reciprocal * product
        self.inverse_hessian += displacement[:, None] * other
        self.inverse_hessian += other[:, None] * displacement

        self.x = np.where(accepted, trial, self.x)
        self.value = np.where(accepted, value, self.value)
        self.gradient = np.where(accepted, gradient, self.gradient)
        direction = -np.einsum("ijs,js->is", self.inverse_hessian, self.gradient)
        self.direction = np.where(accepted, direction, self.direction)
        self.slope = np.where(accepted, _dot(self.gradient, self.direction), self.slope)
        self.low[accepted] = 0.0
        self.high[accepted] = np.inf
        self.trials[accepted] = 0
        self.iterations += accepted

    def _end_rows(self, gradient_tolerance: float, max_iterations: int) -> None:
        """Write down the rows that have ended, and drop them once they are many."""
        norm = np.abs(self.gradient).max(axis=0)
        converged = norm <= gradient_tolerance
        going = ~converged & (self.iterations < max_iterations) & (self.trials < MOST_TRIALS) & (self.slope < 0.0)
        ended = self.searching & ~going
        self.searching &= going
        if ended.any():
            row = self.row[ended]
            self.ends.x[row] = self.x[:, ended].T
            self.ends.value[row] = self.value[ended]
            self.ends.gradient_norm[row] = norm[ended]
            self.ends.iterations[row] = self.iterations[ended]
            self.ends.evaluations[row] = self.evaluations[ended]
            self.ends.converged[row] = converged[ended]
        if np.count_nonzero(self.searching) < CROWDED * len(self.row):
            self._keep(np.flatnonzero(self.searching))

    def _keep(self, kept: NDArray[np.intp]) -> None:
        for name, state in vars(self).items():
            if isinstance(state, np.ndarray):
                setattr(self, name, state[..., kept])


def _dot(a: Array, b: Array) -> Array:
    """Return the scalar product (S,) of vectors (n, S), row by row."""
    product: Array = np.einsum("is,is->s", a, b)
    return product
