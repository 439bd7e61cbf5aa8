"""Draw performance profiles of the methods over all sections of a report, and say in words what they show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from homotopy_bench.core.method_colours import method_colour
from homotopy_bench.report.cells import NOTHING, amount, count
from homotopy_bench.report.comparison import BASELINE, CONTROL, SCHEDULE
from homotopy_bench.report.html import svg
from homotopy_bench.report.html.history import History, histories_of
from homotopy_bench.report.html.kaplan_meier import median_cost
from homotopy_bench.report.html.markup import Markup, element
from homotopy_bench.report.html.parts import figure_block, table, table_row
from homotopy_bench.report.html.profiles import profile, ratios, shared
from homotopy_bench.report.html.scale import Scale
from homotopy_bench.report.html.targets import SHARES, budget, outcomes, targets
from homotopy_bench.report.layout import heading
from homotopy_bench.report.structure import Report, Row, Section

_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 300.0, 52.0, 472.0, 30.0, 258.0

_WIDEST = 1024.0
"""Largest ratio of costs that the x axis has room for, as a power of two."""

_TITLE = "gradients, as a multiple of the cheapest method's"

_MOST_TICKS = 8

_CAPTION = (
    "Performance profile over data sets, models and protocols. Each section is a problem, and a method solves it at "
    f"the median number of gradients with which its runs reach {100 * SHARES[0]:.0f} % of the section's reference "
    "accuracy. Of several variants of a method the one best on validation stands for it. At factor 1 a line shows on "
    "which share of the problems the method is the cheapest; at factor 2, on which share it needs at most twice the "
    "gradients of the cheapest; at the right end, on which share it reaches the target at all."
)


def profile_figure(report: Report, histories: Mapping[str, History]) -> Markup:
    """Return the profiles; where there are none, a sentence that says why."""
    problems = {heading(section): _costs(section, histories) for section in report.sections}
    costs, methods = shared(problems)
    if not methods:
        return element(
            "p",
            "No performance profile: it takes two methods that both stand in the same two sections, with curves and "
            "counted gradients.",
        )
    found = ratios(costs)
    widest = max((one for of in found.values() for one in of.values() if math.isfinite(one)), default=1.0)
    x = Scale(0.0, math.log2(min(max(1.1 * widest, 2.0), _WIDEST)), _LEFT, _RIGHT)
    y = Scale(0.0, 1.05, _BOTTOM, _TOP)
    axes = [
        svg.y_axis(y, _LEFT, _RIGHT, svg.per_cent, "share of problems"),
        svg.x_axis(x, _TOP, _BOTTOM, lambda power: f"{2**power:.3g}", _TITLE, _ticks(x)),
    ]
    groups = [_group(one, profile(found, one), x, y, index) for index, one in enumerate(methods)]
    alternative = f"Performance profiles of {', '.join(methods)} over {count(len(costs), 'problem')}; numbers below."
    picture = svg.figure(_HEIGHT, alternative, axes, groups)
    legend = element("ul", [_item(one, index) for index, one in enumerate(methods)], class_="legend")
    left = [problem for problem in problems if problem not in costs]
    rest = f" Left out, as not all of these methods were run there: {'; '.join(left)}." if left else ""
    words = f"{_CAPTION} {_words(found, methods)}{rest}"
    return figure_block("Performance profiles", words, [picture, legend], _numbers(costs, found, methods))


def _costs(section: Section, histories: Mapping[str, History]) -> dict[str, float]:
    """Return method -> median gradients to the first target, of its variant that is best on validation."""
    aims = targets(section)
    if not aims:
        return {}
    horizon = budget(run for row in section.rows for run in histories_of(row, histories))
    chosen: dict[str, Row] = {}
    for row in section.rows:
        if row.method == BASELINE and row.settings.get(SCHEDULE) == CONTROL:
            continue  # no control beside a baseline stands for it
        if row.val_mean is not None and row.val_mean > (
            chosen[row.method].val_mean or 0.0 if row.method in chosen else -1.0
        ):
            chosen[row.method] = row
    found = {method: outcomes(histories_of(row, histories), aims[0], horizon) for method, row in chosen.items()}
    return {method: median_cost(own) for method, own in found.items() if own}


def _ticks(x: Scale) -> list[float]:
    """Return the powers of two of round multiples, far enough from each other."""
    found: list[float] = []
    for factor in (1, 1.1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000):
        power = math.log2(factor)
        if power <= x.high and (not found or power - found[-1] >= x.high / _MOST_TICKS):
            found.append(power)
    return found


def _words(found: Mapping[str, Mapping[str, float]], methods: Sequence[str]) -> str:
    said = []
    for one in methods:
        own = [of_problem[one] for of_problem in found.values()]
        first, reached = sum(value == 1.0 for value in own), sum(math.isfinite(value) for value in own)
        of = count(len(own), "problem")
        said.append(f"{one} is the cheapest, or as cheap, on {first} of {of} and reaches the target on {reached}")
    return f"Here {'; '.join(said)}."


def _group(method: str, steps: Sequence[tuple[float, float]], x: Scale, y: Scale, index: int) -> Markup:
    colour, shape = method_colour(method), svg.SHAPES[index % len(svg.SHAPES)]
    corners = [(0.0, 0.0)]
    marks = []
    for tau, share in steps:
        at = min(math.log2(tau), x.high)
        corners += [(at, corners[-1][1]), (at, share)]
        marks.append(svg.mark(x(at), y(share), shape, colour, size=3.5))
    corners.append((x.high, corners[-1][1]))
    drawn = svg.polyline([(x(at), y(share)) for at, share in corners], colour, "thick")
    return svg.row_group([drawn, *marks], tip=method, row=None, method=method)


def _item(method: str, index: int) -> Markup:
    return svg.legend_item(svg.SHAPES[index % len(svg.SHAPES)], method_colour(method), method, method=method)


def _numbers(
    costs: Mapping[str, Mapping[str, float]], found: Mapping[str, Mapping[str, float]], methods: Sequence[str]
) -> Markup:
    lines = []
    for problem, own in costs.items():
        for one in methods:
            solved = math.isfinite(own[one])
            cells = [
                problem,
                one,
                amount(own[one]) if solved else NOTHING,
                f"{found[problem][one]:.3g}" if solved else NOTHING,
            ]
            lines.append(table_row(cells, method=one, numbers_from=2))
    headers = ["problem", "method", "median gradients to the target", "multiple of the cheapest"]
    return table(headers, lines, key="profile-numbers", numbers_from=2)
