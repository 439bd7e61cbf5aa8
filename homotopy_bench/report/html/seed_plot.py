"""Draw the accuracy of every seed as a dot, joined with the dot of the baseline's run of the same seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homotopy_bench.report.cells import NOTHING, count, percent
from homotopy_bench.report.html import svg
from homotopy_bench.report.html.markup import Markup
from homotopy_bench.report.html.pairing import pairs
from homotopy_bench.report.html.parts import figure_block, table, table_row
from homotopy_bench.report.html.scale import LEAST_ACCURACIES, Scale, scale
from homotopy_bench.report.html.styled_rows import MOST_ROWS, StyledRow, compared_rows, left_out
from homotopy_bench.report.structure import Section

_LEFT, _RIGHT, _NAME, _STRIP, _PAIR = 12.0, 468.0, 18.0, 16.0, 30.0

_CAPTION = (
    "Test accuracy of every seed at t = 1. Below the name of a row stand its seeds; where it is compared, a line joins "
    "each with the same seed of the baseline, a hollow dot below. A line that leans to the right going up is a seed "
    "with which the row is better. A cross is a seed that collapsed."
)


def seed_plot(section: Section, rows: list[StyledRow], key: str) -> Markup:
    """Return the dots of the seeds of a section, with all accuracies as a table."""
    baseline, compared = compared_rows(section, rows)
    paired = {one.key for one, _ in compared}
    drawn = rows[:MOST_ROWS]
    x = scale((value for one in drawn for value in one.row.accuracies), _LEFT, _RIGHT, least=LEAST_ACCURACIES)
    parts: list[Markup] = []
    top = 4.0
    for one in drawn:
        partner = baseline if one.key in paired else None
        parts.append(_strip(one, partner, x, top))
        top += _NAME + _STRIP + (_PAIR if partner else 0.0)
    axis = svg.x_axis(x, 4.0, top, svg.per_cent, "test accuracy at t = 1")
    alternative = f"Test accuracies of all seeds of {len(drawn)} rows; the numbers are in the table below."
    picture = svg.figure(top + 40.0, alternative, axis, parts)
    return figure_block("Seeds", _CAPTION + left_out(rows), picture, _numbers(rows, baseline, key))


def _strip(one: StyledRow, partner: StyledRow | None, x: Scale, top: float) -> Markup:
    upper = top + _NAME + _STRIP / 2
    parts = [svg.name_label(_LEFT, top + 13, one.name)]
    if partner is not None:
        lower = upper + _PAIR
        for _, ours, theirs in pairs(one.row, partner.row):
            parts.append(svg.line(x(ours), upper, x(theirs), lower, class_="join"))
        parts += [
            svg.mark(x(value), lower, "circle", partner.colour, size=3.5, hollow=True)
            for value in partner.row.accuracies
        ]
    collapsed = set(one.row.collapsed_seeds)
    for seed, value in zip(one.row.seeds, one.row.accuracies, strict=True):
        shape = "cross" if seed in collapsed else "circle"
        words = f"{one.name}, seed {seed}: {percent(value)} %{', collapsed' if seed in collapsed else ''}"
        parts.append(svg.tipped(svg.mark(x(value), upper, shape, one.colour, size=4), words))
    return one.group(parts, tip=f"{one.name}: {count(one.row.runs, 'seed')}")


def _numbers(rows: Sequence[StyledRow], baseline: StyledRow | None, key: str) -> Markup:
    headers = ["row", "seed", "accuracy, %", "baseline, same seed, %", "collapsed"]
    return table(headers, (line for one in rows for line in _lines(one, baseline)), key=f"seed-numbers-{key}")


def _lines(one: StyledRow, baseline: StyledRow | None) -> Iterator[Markup]:
    partner = {} if baseline is None else {seed: theirs for seed, _, theirs in pairs(one.row, baseline.row)}
    for seed, value in zip(one.row.seeds, one.row.accuracies, strict=True):
        other = percent(partner[seed]) if seed in partner else NOTHING
        collapsed = "yes" if seed in one.row.collapsed_seeds else "no"
        yield table_row([one.name, str(seed), percent(value), other, collapsed], row=one.key, method=one.row.method)
