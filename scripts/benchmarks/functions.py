"""All starts at once against one after the other: our BFGS and scipy.optimize.minimize(method="BFGS").

The work is the plain row n = 6 of Table 1: 4096 starts on the Levy-type function, down to gradients of 1e-5, on one
thread. scipy gets the same gradient, written for a single point, and each turn takes another 32nd of the starts, so
that 4 rounds of 8 turns go through all; its time is scaled to all starts. A second instance of ours is the A/A control.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

# Read by the BLAS libraries when numpy is loaded: threads slow scipy's small products down, and ours uses none.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402
from scipy.optimize import minimize as scipy_minimize  # noqa: E402

from benchmarks.interleaved import interleave  # noqa: E402
from homotopy_bench.functions.base import Array  # noqa: E402
from homotopy_bench.functions.bfgs import minimize  # noqa: E402
from homotopy_bench.functions.levy import Levy  # noqa: E402
from homotopy_bench.functions.starts import grid  # noqa: E402
from homotopy_bench.functions.table1 import AXES  # noqa: E402

DIMENSION = 6
PARTS = 32


def run(rounds: int) -> dict[str, float]:
    """Measure and return the figures.

    Args:
        rounds: Timed rounds.

    Returns:
        ``vs_scipy_bfgs`` (scipy's seconds divided by ours, above 1 is faster), ``a_a_control``, and the seconds of both
        for all starts.
    """
    starts = grid(AXES[DIMENSION], DIMENSION)
    seconds = interleave({"ours": _ours(starts), "ours_again": _ours(starts), "scipy": _scipy(starts)}, rounds)
    scipy_seconds = PARTS * seconds["scipy"]
    return {
        "vs_scipy_bfgs": scipy_seconds / seconds["ours"],
        "a_a_control": seconds["ours_again"] / seconds["ours"],
        "seconds_ours": seconds["ours"],
        "seconds_scipy": scipy_seconds,
    }


def _ours(starts: Array) -> Callable[[], None]:
    objective = Levy().value_and_gradient

    def work() -> None:
        minimize(objective, starts)

    return work


def _scipy(starts: Array) -> Callable[[], None]:
    parts = itertools.cycle(range(PARTS))

    def work() -> None:
        for start in starts[next(parts) :: PARTS]:
            scipy_minimize(_levy, start, jac=True, method="BFGS")

    return work


def _levy(x: Array) -> tuple[float, Array]:
    """Return the Levy-type function and its gradient at one point (n,)."""
    scale = np.pi / len(x)
    u = (x - 1.0) / 4.0
    sine, cosine = np.sin(np.pi * u), np.cos(np.pi * u)
    ripple = 10.0 * sine * sine
    ripple_slope = 20.0 * np.pi * sine * cosine
    weight, squares = 1.0 + ripple[1:], u * u
    gradient = 2.0 * u
    gradient[:-1] *= weight
    gradient[1:] += squares[:-1] * ripple_slope[1:]
    gradient[0] += ripple_slope[0]
    return scale * float(ripple[0] + squares[:-1] @ weight + squares[-1]), scale / 4.0 * gradient
