"""Give every row of a section the look and the name that it has in all figures of a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from homotopy_bench.core.method_colours import method_colour
from homotopy_bench.report.cells import count, name
from homotopy_bench.report.comparison import BASELINE
from homotopy_bench.report.html.markup import Markup, element
from homotopy_bench.report.html.svg import SHAPES, legend_item, row_group
from homotopy_bench.report.structure import Comparison, Row, Section

MOST_ROWS = 40
"""Most rows of a figure, the best ones; tables have all, and the caption says how many are left out."""


@dataclass(frozen=True)
class StyledRow:
    """Hold a row with its number on the page, its colour and the shape of its marks."""

    row: Row
    key: str
    colour: str
    shape: str

    @property
    def name(self) -> str:
        """Method and label."""
        return name(self.row)

    def group(self, *content: Markup | list[Markup], tip: str) -> Markup:
        """Return drawings of this row as one group with a tip, which highlights and filters find."""
        return row_group(content, tip=tip, row=self.key, method=self.row.method)


def styled_rows(section: Section, number: int) -> list[StyledRow]:
    """Return the rows of the section with this number, with a colour for each method and a shape for each variant."""
    before: Counter[str] = Counter()
    styled = []
    for index, row in enumerate(section.rows):
        shape = SHAPES[before[row.method] % len(SHAPES)]
        styled.append(StyledRow(row, f"{number}-{index}", method_colour(row.method), shape))
        before[row.method] += 1
    return styled


def compared_rows(
    section: Section, rows: list[StyledRow]
) -> tuple[StyledRow | None, list[tuple[StyledRow, Comparison]]]:
    """Return the baseline's row, if there is one, and every compared row with its comparison, in their order."""
    if section.baseline is None:
        return None, []
    is_baseline = [one for one in rows if one.row.method == BASELINE and one.row.label == section.baseline.label]
    others = [one for one in rows if one.row.method != BASELINE]
    return is_baseline[0], list(zip(others, section.comparisons, strict=True))


def legend(rows: list[StyledRow]) -> Markup:
    """Return the marks of rows with their names and diverged runs, as a list below a figure."""
    return element("ul", list(_items(rows)), class_="legend")


def left_out(rows: list[StyledRow]) -> str:
    """Return the sentence on the rows that no figure shows; empty where all are shown."""
    rest = len(rows) - MOST_ROWS
    return (
        f" {count(rest, 'row')} less accurate on test data than these are not drawn; the table has all."
        if rest > 0
        else ""
    )


def _items(rows: list[StyledRow]) -> Iterator[Markup]:
    for one in rows:
        lost = f" ({one.row.diverged} of {count(one.row.runs, 'run')} diverged)" if one.row.diverged else ""
        yield legend_item(one.shape, one.colour, one.name, lost, row=one.key, method=one.row.method)
