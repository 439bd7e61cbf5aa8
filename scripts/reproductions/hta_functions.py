"""Table 1 and the single start of the HTA paper (004, section 4.1), kept as JSON, and how many minima there are."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from homotopy_bench.functions.base import Array
from homotopy_bench.functions.bfgs import minimize
from homotopy_bench.functions.levy import Levy
from homotopy_bench.functions.starts import grid
from homotopy_bench.functions.table1 import rows
from reproductions.measured_once import measured_once

NAME = "hta_functions"

REGION = 10.0
APART = 1e-3


def local_minima() -> Array:
    """Return the local minima for n = 2 in |x_i| < 10, shape (minima, 2): where BFGS ends from a fine grid."""
    starts = grid(tuple(np.linspace(-REGION, REGION, 81)), 2)
    ends = minimize(Levy().value_and_gradient, starts, gradient_tolerance=1e-8).x
    inside = ends[(np.abs(ends) < REGION).all(axis=1)]
    found: list[Array] = []
    for end in inside:
        if all(np.abs(end - one).max() > APART for one in found) and _is_minimum(end):
            found.append(end)
    return np.array(found)


def _is_minimum(x: Array) -> bool:
    """Return whether no point on a small circle is lower: BFGS may stop at a saddle."""
    angles = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)
    circle = x + 1e-2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    values, _ = Levy().value_and_gradient(np.concatenate([x[None], circle]))
    return bool((values[1:] >= values[0]).all())


def measure(results: Path) -> str:
    """Count, unless that is done.

    Args:
        results: Folder of the JSON.

    Returns:
        What is kept.
    """
    return measured_once(
        results / f"{NAME}.json", lambda: {"counts": [asdict(row) for row in rows()], "minima": len(local_minima())}
    )
