"""Write the rows, runs and evaluations of a report as the CSV files of a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, fields

from homotopy_bench.report.html.history import Evaluation, History
from homotopy_bench.report.spreadsheet import csv_text, numbered_rows, to_csv
from homotopy_bench.report.structure import Report
from homotopy_bench.report.studies import Study, Trial


def csv_files(report: Report, histories: Mapping[str, History]) -> dict[str, str]:
    """Return name -> content of the CSV files of a page; ``rows.csv`` says what the numbers of rows stand for."""
    return {
        "rows.csv": to_csv(report),
        "runs.csv": csv_text(("section", "row", "seed", "folder", "test_acc", "collapsed"), _runs(report)),
        "evaluations.csv": csv_text(("section", "row", "seed", *Evaluation._fields), _evaluations(report, histories)),
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
    return csv_text(head, lines)


def _runs(report: Report) -> Iterator[list[object]]:
    for number, index, _, row in numbered_rows(report):
        for seed, path, accuracy in zip(row.seeds, row.paths, row.accuracies, strict=True):
            collapsed = str(seed in row.collapsed_seeds).lower()
            yield [number, index, seed, path, accuracy, collapsed]


def _evaluations(report: Report, histories: Mapping[str, History]) -> Iterator[list[object]]:
    for number, index, _, row in numbered_rows(report):
        for seed, path in zip(row.seeds, row.paths, strict=True):
            for one in histories[path].evaluations:
                yield [number, index, seed, *(f"{value:.6g}" if math.isfinite(value) else None for value in one)]
