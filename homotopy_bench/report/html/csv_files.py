"""Write the rows, runs and evaluations of a report as CSV, for spreadsheets and programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from homotopy_bench.core.inert import inert_cell
from homotopy_bench.report.html.history import Evaluation, History
from homotopy_bench.report.layout import heading
from homotopy_bench.report.structure import Report

_ROW_FIELDS = (
    *("method", "label", "runs", "diverged", "mean", "std", "iqm", "val_mean", "path_mean", "train_seconds"),
    *("gradient_evaluations", "hvp_evaluations", "forward_equivalents", "peak_memory_mb"),
)


def csv_files(report: Report, histories: Mapping[str, History]) -> dict[str, str]:
    """Return name -> content of the CSV files of a page: accuracies are fractions, sections numbers from 0 on."""
    evaluation_head = ("section", "method", "label", "seed", *Evaluation._fields)
    return {
        "rows.csv": _csv(("section", "heading", *_ROW_FIELDS, "interval_low", "interval_high"), _rows(report)),
        "runs.csv": _csv(("section", "method", "label", "seed", "folder", "test_acc", "collapsed"), _runs(report)),
        "evaluations.csv": _csv(evaluation_head, _evaluations(report, histories)),
    }


def _rows(report: Report) -> Iterator[list[object]]:
    for number, section in enumerate(report.sections):
        for row in section.rows:
            bounds = [None, None] if row.interval is None else [row.interval.low, row.interval.high]
            yield [number, heading(section), *(getattr(row, field) for field in _ROW_FIELDS), *bounds]


def _runs(report: Report) -> Iterator[list[object]]:
    for number, section in enumerate(report.sections):
        for row in section.rows:
            for seed, path, accuracy in zip(row.seeds, row.paths, row.accuracies, strict=True):
                collapsed = seed in row.collapsed_seeds
                yield [number, row.method, row.label, seed, path, accuracy, str(collapsed).lower()]


def _evaluations(report: Report, histories: Mapping[str, History]) -> Iterator[list[object]]:
    for number, section in enumerate(report.sections):
        for row in section.rows:
            for path in row.paths:
                for one in histories[path].evaluations:
                    named = [number, row.method, row.label, histories[path].seed]
                    yield [*named, *(f"{value:.6g}" if math.isfinite(value) else None for value in one)]


def _csv(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([inert_cell(value) for value in line] for line in lines)
    return file.getvalue()
