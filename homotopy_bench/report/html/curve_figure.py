"""Draw validation accuracy over epochs, over each kind of cost, and over t."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter

from homotopy_bench.report.cells import NOTHING, amount, count, percent, seconds
from homotopy_bench.report.html import svg
from homotopy_bench.report.html.history import Evaluation, History, histories_of, mean_history
from homotopy_bench.report.html.markup import Markup
from homotopy_bench.report.html.parts import figure_block, panels, table, table_row
from homotopy_bench.report.html.scale import LEAST_ACCURACIES, Scale, scale
from homotopy_bench.report.html.styled_rows import MOST_ROWS, StyledRow, left_out, legend

AXES = {
    "epoch": "epoch",
    "gradients": "gradient evaluations",
    "forward_equivalents": "forward equivalents",
    "seconds": "seconds of training",
    "t": "t, the continuation parameter",
}
"""Quantities that the x axis can have, each a field of an evaluation, with their words."""

MARKS = 6
"""About how many marks a line has."""

_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 300.0, 52.0, 472.0, 30.0, 258.0

_CAPTION = (
    "Validation accuracy. Thick lines with marks: mean over seeds of the target network (t = 1), over the epochs that "
    "all seeds have; thin lines: single seeds. Dotted: the network on the path, at its t, where it is another one. A "
    "cross ends a run that diverged. Over t, whatever is trained at t = 1 stands above 1."
)

Draw = Callable[[Evaluation], tuple[float, float]]


def curve_figure(rows: Sequence[StyledRow], histories: Mapping[str, History], key: str) -> Markup | str:
    """Return the curves of a section, one panel for each quantity of the x axis; empty where no run has a curve."""
    drawn = [(row, found) for row in rows[:MOST_ROWS] if (found := histories_of(row.row, histories))]
    if not drawn:
        return ""
    evaluations = [one for _, runs in drawn for run in runs for one in run.evaluations]
    y = scale((value for one in evaluations for value in (one.target, one.path)), _BOTTOM, _TOP, least=LEAST_ACCURACIES)
    means = {row.key: mean_history(runs) for row, runs in drawn}
    choices: list[tuple[str, str, Markup]] = []
    for field, title in AXES.items():
        of = attrgetter(field)
        known = [value for one in evaluations if math.isfinite(value := of(one))]
        if not known or (choices and len(set(known)) == 1):  # where everything coincides, nothing is to be seen
            continue
        x = scale(known, _LEFT, _RIGHT, margin=0.02)
        groups = [_group(row, runs, means[row.key], of, x, y) for row, runs in drawn]
        alternative = f"Validation accuracy over {title} of {len(drawn)} rows; the numbers are in the table below."
        axes = [
            svg.y_axis(y, _LEFT, _RIGHT, svg.per_cent, "validation accuracy"),
            svg.x_axis(x, _TOP, _BOTTOM, svg.short, title),
        ]
        choices.append((field, field.replace("_", " "), svg.figure(_HEIGHT, alternative, axes, groups)))
    pictures = [panels(f"curves-{key}", "x axis", choices), legend([row for row, _ in drawn])]
    return figure_block("Curves", _CAPTION + left_out(list(rows)), pictures, _numbers(rows, histories, key))


def _group(
    row: StyledRow,
    runs: Sequence[History],
    mean: Sequence[Evaluation],
    of: Callable[[Evaluation], float],
    x: Scale,
    y: Scale,
) -> Markup:
    def at(evaluations: Sequence[Evaluation], value: Callable[[Evaluation], float]) -> list[tuple[float, float]]:
        return [(x(of(one)), y(value(one))) for one in evaluations]

    parts: list[Markup] = []
    for run in runs:
        if len(runs) > 1:
            parts.append(svg.polyline(at(run.evaluations, attrgetter("target")), row.colour, "thin"))
        ends = [point for point in at(run.evaluations, attrgetter("target")) if all(map(math.isfinite, point))]
        if run.diverged and ends:
            parts.append(svg.cross(*ends[-1], row.colour, size=6))
    target = at(mean, attrgetter("target"))
    parts.append(svg.polyline(target, row.colour, "thick"))
    if any(one.path != one.target for one in mean if math.isfinite(one.path)):
        parts.append(svg.polyline(at(mean, attrgetter("path")), row.colour, "dotted"))
    every = max(len(target) // MARKS, 1)
    for one, point in list(zip(mean, target, strict=True))[::-1][::every]:
        if all(map(math.isfinite, point)):
            words = f"{row.name}: {percent(one.target)} % at epoch {one.epoch:g}, t = {one.t:.3g}"
            parts.append(svg.tipped(svg.mark(*point, row.shape, row.colour, size=3.5), words))
    return row.group(parts, tip=f"{row.name}: {count(len(runs), 'run')} with a curve")


def _numbers(rows: Sequence[StyledRow], histories: Mapping[str, History], key: str) -> Markup:
    headers = [
        "row",
        *(field.replace("_", " ") for field in AXES),
        "target, %",
        "lowest seed",
        "highest seed",
        "path, %",
    ]
    return table(headers, (line for row in rows for line in _lines(row, histories)), key=f"curve-numbers-{key}")


def _lines(row: StyledRow, histories: Mapping[str, History]) -> list[Markup]:
    runs = histories_of(row.row, histories)
    by_epoch = [{one.epoch: one.target for one in run.evaluations} for run in runs]
    lines = []
    for mean in mean_history(runs):
        spread = [of_run[mean.epoch] for of_run in by_epoch]
        cells = [
            row.name, f"{mean.epoch:g}", _shown(mean.gradients, amount), _shown(mean.forward_equivalents, amount),
            _shown(mean.seconds, seconds), _shown(mean.t, lambda t: f"{t:.3f}"), _shown(mean.target, percent),
            _shown(min(spread), percent), _shown(max(spread), percent), _shown(mean.path, percent),
        ]  # fmt: skip
        lines.append(table_row(cells, row=row.key, method=row.row.method))
    return lines


def _shown(value: float, words: Callable[[float], str]) -> str:
    return words(value) if math.isfinite(value) else NOTHING
