"""Draw the figures of the landscape of every row, mean and standard deviation, one panel for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homotopy_bench.report import layout
from homotopy_bench.report.html import svg
from homotopy_bench.report.html.markup import Markup
from homotopy_bench.report.html.parts import figure_block, panels
from homotopy_bench.report.html.scale import scale
from homotopy_bench.report.html.section_tables import plain_table
from homotopy_bench.report.html.styled_rows import MOST_ROWS, StyledRow, left_out
from homotopy_bench.report.landscape import LandscapeMean
from homotopy_bench.report.structure import Section

_LEFT, _RIGHT, _ROW = 12.0, 468.0, 38.0

_CAPTION = "Mean over the runs that were measured, with one standard deviation to both sides."


def landscape_figures(section: Section, rows: list[StyledRow], key: str) -> Iterator[Markup]:
    """Yield one figure for each split that was measured, with its table."""
    tables = iter(layout.landscape_tables(section))
    for split in ("train", "test"):
        known = [
            metric for metric in layout.LANDSCAPE if any(metric in row.row.landscape.get(split, {}) for row in rows)
        ]
        if not known:
            continue
        one = next(tables)
        choices = [(metric, metric.replace("_", " "), _panel(rows[:MOST_ROWS], split, metric)) for metric in known]
        picture = panels(f"landscape-{key}-{split}", "landscape", choices)
        numbers = plain_table(one, rows, f"landscape-numbers-{key}-{split}")
        yield figure_block(one.title, _CAPTION + left_out(rows), picture, numbers)


def _panel(rows: Sequence[StyledRow], split: str, metric: str) -> Markup:
    found = [(one, mean) for one in rows if (mean := one.row.landscape.get(split, {}).get(metric)) is not None]
    ends = [value for _, mean in found for value in (mean.mean - (mean.std or 0.0), mean.mean + (mean.std or 0.0))]
    x = scale(ends, _LEFT, _RIGHT)
    bottom = 4.0 + _ROW * len(found)
    groups = [_row(one, mean, x(mean.mean), [x(mean.mean + s * (mean.std or 0.0)) for s in (-1, 1)], 4.0 + _ROW * index)
              for index, (one, mean) in enumerate(found)]  # fmt: skip
    title = f"{metric.replace('_', ' ')} on {split} data"
    axis = svg.x_axis(x, 4.0, bottom, svg.short, title)
    return svg.figure(
        bottom + 40.0, f"Mean {title} of {len(found)} rows; the numbers are in the table below.", axis, groups
    )


def _row(one: StyledRow, mean: LandscapeMean, middle: float, ends: Sequence[float], top: float) -> Markup:
    parts = [
        svg.name_label(_LEFT, top + 13, one.name),
        svg.line(ends[0], top + 26, ends[1], top + 26, class_="whisker", colour=one.colour),
        svg.mark(middle, top + 26, one.shape, one.colour, size=4.5),
    ]
    spread = "" if mean.std is None else f" +- {mean.std:.1g}"
    return one.group(parts, tip=f"{one.name}: {mean.mean:.3g}{spread}, {mean.runs} runs")
