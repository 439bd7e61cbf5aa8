"""Count the starts that reach the global minimum: plain, by the homotopy and its readings, and by their controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homotopy_bench.functions.anchors import Anchor, anchors_of
from homotopy_bench.functions.base import Array, Objective, Problem
from homotopy_bench.functions.bfgs import minimize
from homotopy_bench.functions.homotopy import follow, zero
from homotopy_bench.functions.starts import decoupled

Ends = tuple[Array, NDArray[np.int64]]
"""f at the ends (S,) and the steps (S,)."""


@dataclass(frozen=True)
class Count:
    """Hold a row of the output."""

    dimension: int
    method: str
    anchor: Anchor | None
    """x0, or None for plain, which has none."""
    starts: int
    found: int
    """Starts from which the global minimum was reached: f - f* <= 1e-6 at the end."""
    iterations: float
    """BFGS steps per start, all stages of the homotopy together: the mean over the starts."""


def _plain(problem: Problem, starts: Array) -> Ends:
    ends = minimize(problem.value_and_gradient, starts)
    return ends.value, ends.iterations


def _scipy(problem: Problem, starts: Array) -> Ends:
    from scipy.optimize import minimize as scipy_minimize

    def single(x: Array) -> tuple[float, Array]:
        value, gradient = problem.value_and_gradient(x[None])
        return float(value[0]), gradient[0]

    ends = [scipy_minimize(single, start, jac=True, method="BFGS") for start in starts]
    return np.array([end.fun for end in ends]), np.array([end.nit for end in ends])


def _followed(problem: Problem, copies: tuple[Array, Array], anchors: Array, second: Objective | None = None) -> Ends:
    path = follow(problem.value_and_gradient, copies, anchors, second)
    return path.end.value, path.iterations


WITHOUT_ANCHOR: Mapping[str, Callable[[Problem, Array], Ends]] = {"plain": _plain, "scipy": _scipy}
"""Name -> what is done from starts (S, n): our BFGS from all at once, or scipy's with its own settings, one by one."""

ANCHORED: Mapping[str, Callable[[Problem, Array, Array], Ends]] = {
    "homotopy": lambda problem, starts, anchors: _followed(problem, decoupled(starts, anchors), anchors),
    "control": lambda problem, starts, anchors: _plain(problem, decoupled(starts, anchors)[0]),
    "homotopy_g0": lambda problem, starts, anchors: _followed(problem, decoupled(starts, anchors), anchors, zero),
    "homotopy_at_start": lambda problem, starts, anchors: _followed(problem, (starts, starts), anchors),
}
"""Name -> what is done from starts (S, n) with anchors (S, n).

``homotopy`` takes g = f and lets each copy begin with its own half at the anchor. ``control`` minimises f from where
the first copy begins: what the homotopy changes before it begins, and nothing else of it. ``homotopy_g0`` takes g = 0.
In ``homotopy_at_start`` both copies begin at the start, so that the anchor acts by its penalty alone."""


def count(problem: Problem, method: str, starts: Array, anchor: Anchor) -> Count:
    """Count the starts that reach the global minimum.

    Args:
        problem: The function.
        method: A name of WITHOUT_ANCHOR or ANCHORED.
        starts: The starts (S, n).
        anchor: x0; not looked at by the methods that have none.

    Returns:
        The count.

    Raises:
        InputError: The anchor is not finite.
    """
    if method in WITHOUT_ANCHOR:
        value, iterations = WITHOUT_ANCHOR[method](problem, starts)
    else:
        value, iterations = ANCHORED[method](problem, starts, anchors_of(anchor, starts))
    return Count(
        dimension=starts.shape[1],
        method=method,
        anchor=None if method in WITHOUT_ANCHOR else anchor,
        starts=len(starts),
        found=int(problem.found(value).sum()),
        iterations=float(iterations.mean()),
    )
