"""Count the starts that reach the global minimum: plain, by the homotopy, and plain from the homotopy's own start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from homotopy_bench.functions.base import Array, Problem
from homotopy_bench.functions.bfgs import minimize
from homotopy_bench.functions.homotopy import follow
from homotopy_bench.functions.starts import check_anchor, decoupled

Method = Literal["plain", "homotopy", "control"]
METHODS: tuple[Method, ...] = ("plain", "homotopy", "control")


@dataclass(frozen=True)
class Count:
    """Hold a row of the output."""

    dimension: int
    method: Method
    anchor: float | None
    """x0, or None for plain, which has none."""
    starts: int
    found: int
    """Starts from which the global minimum was reached: f - f* <= 1e-6 at the end."""
    iterations: float
    """BFGS steps per start, all stages of the homotopy together: the mean over the starts."""


def count(problem: Problem, method: Method, starts: Array, anchor: float) -> Count:
    """Count the starts that reach the global minimum.

    plain minimises from the starts. homotopy follows the path from their decoupled starts. control minimises from the
    decoupled start of the first copy, (x0, ..., x0, second half of the start): what the homotopy changes before it
    begins, and nothing else of it.

    Args:
        problem: The function.
        method: plain, homotopy or control.
        starts: The starts (S, n).
        anchor: x0; plain ignores it.

    Returns:
        The count.

    Raises:
        InputError: The anchor is not finite.
    """
    check_anchor(anchor)
    if method == "homotopy":
        path = follow(problem.value_and_gradient, starts, anchor)
        value, iterations = path.end.value, path.iterations
    else:
        minima = minimize(problem.value_and_gradient, starts if method == "plain" else decoupled(starts, anchor)[0])
        value, iterations = minima.value, minima.iterations
    return Count(
        dimension=starts.shape[1],
        method=method,
        anchor=None if method == "plain" else anchor,
        starts=len(starts),
        found=int(problem.found(value).sum()),
        iterations=float(iterations.mean()),
    )
