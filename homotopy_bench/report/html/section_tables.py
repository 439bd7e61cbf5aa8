"""Write the tables of a section, those of accuracy and of differences with a plot in every row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homotopy_bench.report import layout
from homotopy_bench.report.cells import interval, percent
from homotopy_bench.report.html.interval_plot import header, plot, plot_scale
from homotopy_bench.report.html.markup import Markup, element
from homotopy_bench.report.html.pairing import pairs
from homotopy_bench.report.html.parts import table, table_row
from homotopy_bench.report.html.styled_rows import StyledRow, compared_rows
from homotopy_bench.report.structure import Section

Plots = tuple[Markup, Sequence[Markup]]
"""Head of a column of plots, and the plots."""


def section_tables(section: Section, rows: list[StyledRow], key: str) -> Iterator[Markup]:
    """Yield the tables that the text of the report has, without those of the landscape, which has figures."""
    yield from _titled(layout.accuracy_table(section), rows, f"accuracy-{key}", _accuracies(section, rows))
    compared = [row for row, _ in compared_rows(section, rows)[1]]
    for one in layout.comparison_table(section):
        yield from _titled(one, compared, f"comparison-{key}", _differences(section, rows))
    yield from _titled(layout.cost_table(section), rows, f"cost-{key}", None)
    for one in layout.stability_table(section):
        yield from _titled(one, rows, f"stability-{key}", None)


def plain_table(one: layout.Table, rows: Sequence[StyledRow], key: str, plots: Plots | None = None) -> Markup:
    """Return a table of the report's layout, whose rows are those of the section given, with a column of plots."""
    headers = [" ".join(column.header.split("\n")).replace("- ", "-") for column in one.columns]
    drawn: Sequence[Markup | None] = plots[1] if plots else [None] * len(rows)
    lines = []
    for cells, row, picture in zip(one.rows, rows, drawn, strict=True):
        first, *rest = cells
        named = [first, *([] if picture is None else [picture]), *rest]
        lines.append(table_row(named, row=row.key, method=row.row.method))
    return table([headers[0], *([plots[0]] if plots else []), *headers[1:]], lines, key=key)


def _titled(one: layout.Table, rows: Sequence[StyledRow], key: str, plots: Plots | None) -> Iterator[Markup]:
    yield element("h4", one.title)
    yield plain_table(one, rows, key, plots)
    if one.notes:
        yield element("ul", [element("li", note) for note in one.notes], class_="notes")


def _accuracies(section: Section, rows: list[StyledRow]) -> Plots:
    baseline, _ = compared_rows(section, rows)
    reference = None if baseline is None else baseline.row.mean
    x = plot_scale(
        [value for one in rows for value in one.row.accuracies], [one.row.interval for one in rows]
    )  # what leaves 0 to 100 % is an interval, and is drawn as far as it goes
    pictures = []
    for one in rows:
        row = one.row
        words = f"{one.name}: mean {percent(row.mean)} %, interval {interval(row.interval)}, {row.runs} seeds"
        drawn = plot(
            x, row.mean, row.interval, row.accuracies, one.shape, one.colour, reference=reference, alternative=words
        )
        pictures.append(drawn)
    return header(x, "seeds, mean, 95 % interval", " %"), pictures


def _differences(section: Section, rows: list[StyledRow]) -> Plots:
    baseline, compared = compared_rows(section, rows)
    assert baseline is not None, "a comparison is with a baseline"
    differences = [[ours - theirs for _, ours, theirs in pairs(one.row, baseline.row)] for one, _ in compared]
    values = [value for of_row in differences for value in of_row]
    x = plot_scale([0.0, *values], [one.interval for _, one in compared])
    pictures = []
    for (row, one), own in zip(compared, differences, strict=True):
        bounds = interval(one.interval, sign=True)
        words = f"{row.name}: mean difference {percent(one.mean_difference, sign=True)} points, interval {bounds}"
        drawn = plot(x, one.mean_difference, one.interval, own, row.shape, row.colour, reference=0.0, alternative=words)
        pictures.append(drawn)
    return header(x, "pairs, mean, 95 % interval", ""), pictures
