"""Table 1 of the homotopy training algorithm: the paper's counts beside ours, with the controls that it lacks.

Source: Chen and Hao, Proc. R. Soc. A 475 (2019) 20190662, section 4.1, Table 1, on the Levy-type function. n = 8 is
announced there and has neither a grid nor a row.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from homotopy_bench.functions.anchors import Anchor
from homotopy_bench.functions.base import Array
from homotopy_bench.functions.counting import ANCHORED, WITHOUT_ANCHOR, Count, count
from homotopy_bench.functions.levy import Levy
from homotopy_bench.functions.starts import grid

AXES: dict[int, tuple[float, ...]] = {
    2: (0.0, 1.0, 2.0, 3.0, 4.0, 5.0),
    4: (0.0, 1.0, 2.0, 3.0, 4.0, 5.0),
    6: (3.0, 4.0, 5.0, 6.0),
}
"""Dimension -> values of each coordinate of the paper's grids of starts."""

PAPER_PLAIN = {2: 24, 4: 864, 6: 991}
PAPER_HOMOTOPY = {2: 36, 4: 1296, 6: 4096}
"""Starts from which the paper reaches the global minimum, "Quasi-newton" and "Quasi-newton with the homotopy setup"."""

ANCHORS: tuple[Anchor, ...] = ("start", "random", 0.0, 2.0, 4.0)
"""The paper's are "fixed and chosen based on the initial guess": the start's own coordinates by the word. 0 and 2 lie
in the basin of the minimum at 1, which ends at 3, and 4 lies outside."""

SINGLE = (5.0, 4.0, 5.0, 5.0)
PAPER_SINGLE = {"plain": 8, "homotopy": 14}
"""The start of n = 4 and the paper's steps from it: plain ends elsewhere, the homotopy in the minimum."""


def rows() -> Iterator[Count]:
    """Count, one row after the other.

    Yields:
        For every grid plain by our BFGS and by scipy's, then for every anchor the homotopy in its three readings and
        the control; then the same from the single start.
    """
    for dimension, axis in AXES.items():
        yield from _of(grid(axis, dimension))
    yield from _of(np.array([SINGLE]))


def _of(starts: Array) -> Iterator[Count]:
    problem = Levy()
    for method in WITHOUT_ANCHOR:
        yield count(problem, method, starts, ANCHORS[0])
    for method in ANCHORED:
        for anchor in ANCHORS:
            yield count(problem, method, starts, anchor)


def paper_says(row: Count) -> str | None:
    """Return what the paper has for a row of ours, or None: it gives neither its anchor nor its g.

    The homotopy's figures stand beside every anchor of the homotopy with g = f.
    """
    if row.starts == 1:
        steps = PAPER_SINGLE.get(row.method)
        return None if steps is None else f"{'found' if row.method == 'homotopy' else 'not found'}, {steps} steps"
    if row.method == "plain":
        return str(PAPER_PLAIN[row.dimension])
    return str(PAPER_HOMOTOPY[row.dimension]) if row.method == "homotopy" else None
