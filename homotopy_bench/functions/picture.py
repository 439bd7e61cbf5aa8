"""Draw the picture in two dimensions: contours of f, and the paths of a few starts, plain and by the homotopy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from homotopy_bench.functions.anchors import Anchor, anchors_of
from homotopy_bench.functions.base import Array, Problem
from homotopy_bench.functions.bfgs import minimize
from homotopy_bench.functions.homotopy import LEVELS, follow
from homotopy_bench.functions.output import named
from homotopy_bench.functions.starts import decoupled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DRAWN_STEPS = 60
"""BFGS steps drawn at most; most searches in two dimensions end before."""
RESOLUTION = 301
"""Points of the contours along each axis."""


def plain_paths(problem: Problem, starts: Array) -> Array:
    """Return the points BFGS passes through (K, S, 2): the same search, stopped after 0, 1, ..., K - 1 steps."""
    return np.stack(
        [minimize(problem.value_and_gradient, starts, max_iterations=steps).x for steps in range(DRAWN_STEPS)]
    )


def draw(problem: Problem, starts: Array, anchor: Anchor, window: tuple[float, float]) -> Figure:
    """Draw the paths of a few starts.

    Args:
        problem: The function.
        starts: The starts (S, 2).
        anchor: x0 of the homotopy.
        window: The ends of both axes, low and high.

    Returns:
        The picture: on the left plain BFGS, on the right both copies of the homotopy, at its levels and
        where the last stage from their mean ends.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 6.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes in (left, right):
        _contours(axes, problem, window)
        axes.plot(*starts.T, "o", markersize=6, markerfacecolor="white", markeredgecolor="black", zorder=5)
        axes.set_xlabel("$x_1$")
    left.set_ylabel("$x_2$")

    passed = plain_paths(problem, starts)
    reached = problem.found(minimize(problem.value_and_gradient, starts).value)
    for start in range(len(starts)):
        left.plot(*passed[:, start].T, color=f"C{start % 10}", linewidth=1.6, marker=".", markersize=5)
    left.set_title(f"plain BFGS: {reached.sum()} of {len(starts)} starts reach the minimum")

    anchors = anchors_of(anchor, starts)
    path = follow(problem.value_and_gradient, decoupled(starts, anchors), anchors)
    reached = problem.found(path.end.value)
    for start in range(len(starts)):
        colour = f"C{start % 10}"
        for copy, style in ((path.x, "-"), (path.y, "--")):
            line = np.concatenate([copy[:, start], path.end.x[start][None]])
            right.plot(*line.T, color=colour, linestyle=style, linewidth=1.4, marker=".", markersize=5)
            right.plot(*np.stack([starts[start], line[0]]).T, color=colour, linestyle=":", linewidth=1.0)
    right.set_title(f"homotopy from $x_0$ = {named(anchor)}: {reached.sum()} of {len(starts)}")
    minimum = [problem.minimizer]
    for axes in (left, right):
        axes.plot(minimum, minimum, "*", markersize=15, color="gold", markeredgecolor="black", zorder=6)
        axes.set(xlim=window, ylim=window, box_aspect=1.0)
    right.plot([], [], "o", markerfacecolor="white", markeredgecolor="black", label="start")
    right.plot([], [], "k:", label="to its two copies")
    right.plot([], [], "k-", label=f"copy with $x_1$ anchored, L = {LEVELS[0]:g} to {LEVELS[-1]:g}, then f")
    right.plot([], [], "k--", label="copy with $x_2$ anchored")
    right.plot([], [], "*", markersize=13, color="gold", markeredgecolor="black", label="minimum")
    figure.legend(loc="outside lower center", ncols=5, fontsize=9, frameon=False)
    return figure


def _contours(axes: Axes, problem: Problem, window: tuple[float, float]) -> None:
    line = np.linspace(*window, RESOLUTION)
    points = np.stack(np.meshgrid(line, line, indexing="xy"), axis=-1).reshape(-1, 2)
    value = problem.value_and_gradient(points)[0].reshape(RESOLUTION, RESOLUTION)
    # Functions span decades: the levels are even in log(1 + f).
    axes.contourf(line, line, np.log1p(value), levels=18, cmap="Greys", alpha=0.45)
