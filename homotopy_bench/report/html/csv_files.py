"""Write the rows, runs and evaluations of a report as CSV, for spreadsheets and programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, fields

from homotopy_bench.core.inert import inert_cell
from homotopy_bench.report.html.history import Evaluation, History
from homotopy_bench.report.layout import heading
from homotopy_bench.report.structure import Report, Row, Section
from homotopy_bench.report.studies import Study, Trial

_ROW_FIELDS = (
    *("method", "label", "runs", "diverged", "mean", "std", "iqm", "val_mean", "path_mean", "train_seconds"),
    *("gradient_evaluations", "hvp_evaluations", "forward_equivalents", "peak_memory_mb"),
)


def csv_files(report: Report, histories: Mapping[str, History]) -> dict[str, str]:
    """Return name -> content of the CSV files of a page.

    Accuracies are fractions. Sections, and rows within a section, have numbers from 0 on; ``rows.csv`` says what they
    are.
    """
    row_head = ("section", "row", "heading", *_ROW_FIELDS, "interval_low", "interval_high")
    return {
        "rows.csv": _csv(row_head, _rows(report)),
        "runs.csv": _csv(("section", "row", "seed", "folder", "test_acc", "collapsed"), _runs(report)),
        "evaluations.csv": _csv(("section", "row", "seed", *Evaluation._fields), _evaluations(report, histories)),
    }


def trials_csv(studies: Sequence[Study]) -> str:
    """Return the trials of studies as CSV; accuracies are fractions."""
    about = ("study", "dataset", "model", "sampler", "pruner")
    head = (*about[:1], "folder", *about[1:], *(field.name for field in fields(Trial)))
    lines = [
        [study.name, study.path, *(getattr(study, one) for one in about[1:]), *astuple(trial)]
        for study in studies
        for trial in study.trials
    ]
    return _csv(head, lines)


def _numbered(report: Report) -> Iterator[tuple[int, int, Section, Row]]:
    for number, section in enumerate(report.sections):
        for index, row in enumerate(section.rows):
            yield number, index, section, row


def _rows(report: Report) -> Iterator[list[object]]:
    for number, index, section, row in _numbered(report):
        bounds = [None, None] if row.interval is None else [row.interval.low, row.interval.high]
        yield [number, index, heading(section), *(getattr(row, field) for field in _ROW_FIELDS), *bounds]


def _runs(report: Report) -> Iterator[list[object]]:
    for number, index, _, row in _numbered(report):
        for seed, path, accuracy in zip(row.seeds, row.paths, row.accuracies, strict=True):
            collapsed = str(seed in row.collapsed_seeds).lower()
            yield [number, index, seed, path, accuracy, collapsed]


def _evaluations(report: Report, histories: Mapping[str, History]) -> Iterator[list[object]]:
    for number, index, _, row in _numbered(report):
        for seed, path in zip(row.seeds, row.paths, strict=True):
            for one in histories[path].evaluations:
                yield [number, index, seed, *(f"{value:.6g}" if math.isfinite(value) else None for value in one)]


def _csv(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([inert_cell(value) for value in line] for line in lines)
    return file.getvalue()
