"""Draw test accuracy over depth, from the outcomes of a study of depth."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from homotopy_bench.core.statistics import mean, student_interval
from homotopy_bench.landscape.pictures import COLOURS
from reproductions.study import Outcome
from reproductions.table import PERCENT, accuracies

NAME = re.compile(r"(\w+)_(\d+)")
"""Name of a row and its depth."""


def draw(outcomes: Sequence[Outcome]) -> Figure:
    """Return means over depth with 95 % intervals by Student's t, and single seeds as dots; a colour a row.

    Args:
        outcomes: Contenders named ROW_DEPTH.
    """
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots()
    rows: dict[str, dict[int, list[float]]] = {}
    for outcome in outcomes:
        if (found := NAME.fullmatch(outcome.contender.name)) is not None:
            rows.setdefault(found[1], {})[int(found[2])] = [PERCENT * one for one in accuracies(outcome)]
    for place, ((name, by_depth), colour) in enumerate(zip(rows.items(), COLOURS, strict=False)):
        _draw_row(axes, name.replace("_", " "), by_depth, colour, 1.0 + 0.02 * (place - len(rows) / 2))
    depths = sorted({depth for by_depth in rows.values() for depth in by_depth})
    axes.set_xscale("log", base=2)
    axes.set_xticks(depths, [str(depth) for depth in depths])
    axes.set(xlabel="layers", ylabel="test accuracy at t = 1 [%]")
    axes.legend(fontsize=8, frameon=False)
    axes.grid(alpha=0.3)
    return figure


def _draw_row(axes: Axes, name: str, by_depth: Mapping[int, Sequence[float]], colour: str, shift: float) -> None:
    """Draw a row, its depths multiplied by a factor near 1 so that rows do not cover each other."""
    at = [depth * shift for depth in by_depth]
    axes.plot(at, [mean(own) or 0.0 for own in by_depth.values()], color=colour, label=name)
    for x, own in zip(at, by_depth.values(), strict=True):
        axes.plot([x] * len(own), own, ".", color=colour, markersize=3, alpha=0.6)
        if (interval := student_interval(own)) is not None:
            axes.plot([x, x], [interval.low, interval.high], color=colour, linewidth=1.0)
