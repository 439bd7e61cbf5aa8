"""Draw which share of the runs of each row reached a target accuracy, over the gradients paid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from homotopy_bench.report.cells import amount
from homotopy_bench.report.html import svg
from homotopy_bench.report.html.history import History, histories_of
from homotopy_bench.report.html.kaplan_meier import Outcome, median_cost, reached_shares
from homotopy_bench.report.html.markup import Markup
from homotopy_bench.report.html.parts import figure_block, panels, table, table_row
from homotopy_bench.report.html.scale import Scale
from homotopy_bench.report.html.styled_rows import MOST_ROWS, StyledRow, left_out, legend
from homotopy_bench.report.html.targets import Target, budget, outcomes, targets
from homotopy_bench.report.structure import Section

NEVER = "less than half reach it"
"""Median of a row of which less than half reach the target."""

_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 300.0, 52.0, 472.0, 30.0, 258.0

_CAPTION = (
    "Estimated share of runs that have reached a target validation accuracy at t = 1, over gradient evaluations "
    "(Kaplan-Meier). Further left and higher is better. A run that ends without reaching it is censored at its end, an "
    "upright dash; one that diverged counts as never reaching it. A target counts as reached at the evaluation that "
    "finds it, so that the steps are as coarse as the evaluations."
)


def survival_figure(
    section: Section, rows: list[StyledRow], histories: Mapping[str, History], key: str
) -> Markup | str:
    """Return the figure of a section, one panel for each target; empty where nothing can be drawn."""
    runs = {one.key: histories_of(one.row, histories) for one in rows}
    horizon = budget(run for of_row in runs.values() for run in of_row)
    aims = targets(section)
    if not aims or not horizon:
        return ""
    choices = []
    lines: list[Markup] = []
    for aim in aims:
        found = {one.key: outcomes(runs[one.key], aim, horizon) for one in rows}
        choices.append((aim.share, aim.share, _panel(rows[:MOST_ROWS], found, aim, horizon)))
        lines += [_line(one, found[one.key], aim) for one in rows if found[one.key]]
    headers = ["row", "target", "accuracy, %", "runs", "reached", "median gradients"]
    numbers = table(headers, lines, key=f"target-numbers-{key}")
    drawn = [panels(f"target-{key}", "target", choices), legend([one for one in rows[:MOST_ROWS] if runs[one.key]])]
    words = f"{_CAPTION} The targets are shares of {aims[0].reference}.{left_out(rows)}"
    return figure_block("Gradients to a target accuracy", words, drawn, numbers)


def _panel(rows: Sequence[StyledRow], found: Mapping[str, Sequence[Outcome]], aim: Target, horizon: float) -> Markup:
    x, y = Scale(0.0, 1.03 * horizon, _LEFT, _RIGHT), Scale(0.0, 1.05, _BOTTOM, _TOP)
    title = f"share of runs that reached {aim.words}"
    axes = [
        svg.y_axis(y, _LEFT, _RIGHT, svg.per_cent, title),
        svg.x_axis(x, _TOP, _BOTTOM, svg.short, "gradient evaluations"),
    ]
    groups = [_group(one, found[one.key], x, y, horizon) for one in rows if found[one.key]]
    alternative = f"Share of runs that reached {aim.words}, over gradients; the numbers are in the table below."
    return svg.figure(_HEIGHT, alternative, axes, groups)


def _group(one: StyledRow, found: Sequence[Outcome], x: Scale, y: Scale, horizon: float) -> Markup:
    corners = [(0.0, 0.0)]
    parts = []
    for step in reached_shares(found):
        corners += [(step.cost, corners[-1][1]), (step.cost, step.share)]
        words = f"{one.name}: {svg.per_cent(step.share)} of runs for at most {amount(step.cost)} gradients"
        parts.append(svg.tipped(svg.mark(x(step.cost), y(step.share), one.shape, one.colour, size=3.5), words))
    for cost in sorted({outcome.cost for outcome in found if not outcome.reached}):
        share = max((height for at, height in corners if at <= cost), default=0.0)
        parts.append(svg.line(x(cost), y(share) - 6, x(cost), y(share) + 6, class_="censored", colour=one.colour))
    if any(not outcome.reached for outcome in found):
        # Only censored runs are left, and they say how far the share is known.
        corners.append((max(outcome.cost for outcome in found), corners[-1][1]))
    elif corners[-1][0] < horizon:
        corners.append((horizon, corners[-1][1]))
    parts.append(svg.polyline([(x(cost), y(share)) for cost, share in corners], one.colour, "thick"))
    reached = sum(outcome.reached for outcome in found)
    return one.group(parts, tip=f"{one.name}: {reached} of {len(found)} runs reached it")


def _line(one: StyledRow, found: Sequence[Outcome], aim: Target) -> Markup:
    median = median_cost(found)
    cells = [
        one.name, aim.share, aim.words, str(len(found)), str(sum(outcome.reached for outcome in found)),
        amount(median) if math.isfinite(median) else NEVER,
    ]  # fmt: skip
    return table_row(cells, row=one.key, method=one.row.method)
