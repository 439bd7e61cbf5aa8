"""Write the rows of a report as CSV, for spreadsheets and programs.

RFC 4180: a comma between cells, lines that end with CR LF, quotes around a cell that needs them. No cell is a formula.
Accuracies and differences are fractions; a cell is empty where a value is not defined or not recorded.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from homotopy_bench.core.inert import inert_cell
from homotopy_bench.core.statistics import Interval
from homotopy_bench.report.comparison import rows_with_comparisons
from homotopy_bench.report.layout import heading
from homotopy_bench.report.structure import Comparison, Report, Row, Section

_NAMES = ("section", "row", "heading", "dataset", "model", "protocol")

_ROW_FIELDS = (
    *("method", "label", "runs", "diverged", "mean", "std", "iqm", "val_mean", "path_mean", "train_seconds"),
    *("gradient_evaluations", "hvp_evaluations", "forward_equivalents", "peak_memory_mb"),
)

_COMPARISON_FIELDS = (
    *("pairs", "mean_difference", "p_value", "p_holm", "beats", "smallest_p", "minimum_detectable_effect"),
    "cost_ratio",
)

_HEAD = (
    *_NAMES,
    *_ROW_FIELDS,
    *("interval_low", "interval_high", "collapsed_seeds", "baseline"),
    *_COMPARISON_FIELDS,
    *("difference_low", "difference_high"),
)


def to_csv(report: Report) -> str:
    """Return a line for every row of every section, with its comparison with the baseline, after a line of names.

    Sections, and rows within a section, have numbers from 0 on. ``baseline`` is what the row was compared with.
    """
    return csv_text(_HEAD, _lines(report))


def csv_text(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return lines as CSV, in which no text is a formula."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(head)
    writer.writerows([inert_cell(value) for value in line] for line in lines)
    return file.getvalue()


def numbered_rows(report: Report) -> Iterator[tuple[int, int, Section, Row]]:
    """Yield every row with the number of its section and its own, and the section."""
    for number, section in enumerate(report.sections):
        for index, row in enumerate(section.rows):
            yield number, index, section, row


def _lines(report: Report) -> Iterator[list[object]]:
    for number, section in enumerate(report.sections):
        protocol = ", ".join(f"{key}={value}" for key, value in section.protocol.items())
        for index, (row, compared) in enumerate(rows_with_comparisons(section)):
            yield [
                *(number, index, heading(section), section.dataset, section.model, protocol),
                *(getattr(row, field) for field in _ROW_FIELDS),
                *(*_bounds(row.interval), " ".join(map(str, row.collapsed_seeds))),
                *_compared(section, compared),
            ]


def _compared(section: Section, found: Comparison | None) -> list[object]:
    if found is None or section.baseline is None:
        return [None] * (len(_COMPARISON_FIELDS) + 3)
    values = [_plain(getattr(found, field)) for field in _COMPARISON_FIELDS]
    return [f"baseline {section.baseline.label}".rstrip(), *values, *_bounds(found.interval)]


def _plain(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _bounds(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval.low, interval.high)
