"""The report as titled tables of ready-made cells, for the renderers of text and Markdown.

Accuracies become per cent and their differences percentage points. Everything here is ASCII, so that no
terminal and no log file can fail to show it.
"""

from __future__ import annotations

from dataclasses import dataclass

from homotopy_bench.report import statistics
from homotopy_bench.report.cells import (
    NOTHING,
    _amount,
    _count,
    _interval,
    _name,
    _percent,
    _probability,
    _seconds,
    printable,
)
from homotopy_bench.report.notes import _accuracy_notes, _chosen, _comparison_notes
from homotopy_bench.report.structure import Report, Section


@dataclass(frozen=True)
class Column:
    """A column: its header, whether it holds numbers, and whether it stands apart from the ranked ones."""

    header: str
    number: bool = True
    aside: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a title above it and notes below it."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def heading(section: Section) -> str:
    """Return the line above the tables of a section.

    Args:
        section: Any section.

    Returns:
        Data set and model.
    """
    return f"{section.dataset} / {section.model}"


def tables(section: Section) -> tuple[Table, ...]:
    """Lay out a section.

    Args:
        section: Any section.

    Returns:
        Accuracy and cost, and the comparison with the baseline where there is one.
    """
    compared = (_comparison(section),) if section.comparisons else ()
    return (_accuracy(section), _cost(section), *compared)


def remark(section: Section) -> str:
    """Return why a section has no comparison.

    Args:
        section: Any section.

    Returns:
        One sentence; empty where there are comparisons.
    """
    if section.comparisons:
        return ""
    reason = section.no_baseline or "every row here is a baseline"
    return f"No paired comparison: {reason}."


def overview(report: Report) -> str:
    """Return the first line of a report.

    Args:
        report: Any report.

    Returns:
        How many runs are in the tables, how many folders are not, and how many runs of searches were left out.
    """
    runs = sum(row.runs for section in report.sections for row in section.rows)
    tuning = f"; {_count(report.tuning_runs, 'tuning run')} left out (--tuning)" if report.tuning_runs else ""
    return f"{_count(runs, 'run')} in the tables, {_count(len(report.unusable), 'folder')} not{tuning}"


def unusable(report: Report) -> tuple[tuple[str, str, str], ...]:
    """Return the folders that are in no table.

    Args:
        report: Any report.

    Returns:
        Kind, path and reason of each.
    """
    return tuple((one.kind, printable(str(one.path)), printable(one.reason)) for one in report.unusable)


def legend(report: Report) -> tuple[str, ...]:
    """Say how every column was computed.

    Args:
        report: Any report.

    Returns:
        Sentences, without those on tables that the report does not have.
    """
    lines = [
        "Test accuracy is that of the final network at t = 1. Diverged runs count with the accuracy they "
        "have. std: ddof = 1. IQM: interquartile mean. Best on path is the accuracy of another network, at "
        "the t where validation was best: never ranked.",
        f"95 % intervals: percentile bootstrap of the mean, {statistics.BOOTSTRAP_RESAMPLES} resamples, seed "
        f"{statistics.BOOTSTRAP_SEED}; too narrow for few runs (with normal data they cover 75 % at 3 runs, "
        "85 % at 5, 90 % at 10).",
        "Cost: means over the same runs. A forward equivalent is the cost of one minibatch's forward pass.",
    ]
    if report.tests:
        lines.append(
            "p: two-sided Wilcoxon signed-rank test; p Holm: corrected for the "
            f"{_count(report.tests, 'test')} of this report. MDE, the minimum detectable effect: the true "
            "difference that a paired t-test of this size finds with 80 % power at the 5 % level."
        )
    return tuple(lines)


def _accuracy(section: Section) -> Table:
    columns = (
        Column("method", number=False),
        Column("runs"),
        Column("diverged"),
        Column("mean"),
        Column("std"),
        Column("IQM"),
        Column("95 % interval\nof the mean"),
        Column("(best on\npath, not\nranked)", aside=True),
    )
    rows = tuple(
        (
            _name(row),
            str(row.runs),
            str(row.diverged),
            _percent(row.mean),
            _percent(row.std),
            _percent(row.iqm),
            _interval(row.interval),
            NOTHING if row.path_mean is None else f"({_percent(row.path_mean)})",
        )
        for row in section.rows
    )
    return Table("Test accuracy at t = 1, in %", columns, rows, tuple(_accuracy_notes(section)))


def _cost(section: Section) -> Table:
    with_hvp = any(row.hvp_evaluations for row in section.rows)
    headers = ["train\nseconds", "gradient\nevaluations", *["HVPs"] * with_hvp, "forward\nequivalents"]
    rows = []
    for row in section.rows:
        hvp = [_amount(row.hvp_evaluations)] * with_hvp
        rows.append(
            (
                _name(row),
                _seconds(row.train_seconds),
                _amount(row.gradient_evaluations),
                *hvp,
                _amount(row.forward_equivalents),
            )
        )
    return Table(
        "Cost per run",
        (Column("method", number=False), *map(Column, headers)),
        tuple(rows),
        (),
    )


def _comparison(section: Section) -> Table:
    columns = (
        Column("method", number=False),
        Column("pairs"),
        Column("mean\ndiff."),
        Column("95 % interval\nof the mean"),
        Column("p"),
        Column("p Holm"),
        Column("MDE"),
        Column("cost\nratio"),
    )
    rows = tuple(
        (
            _name(one),
            str(one.pairs),
            _percent(one.mean_difference, sign=True),
            _interval(one.interval, sign=True),
            _probability(one.p_value),
            _probability(one.p_holm),
            _percent(one.minimum_detectable_effect),
            NOTHING if one.cost_ratio is None else f"{one.cost_ratio:.2f}",
        )
        for one in section.comparisons
    )
    notes = (_chosen(section), *_comparison_notes(section.comparisons))
    return Table("Paired difference to the baseline, in percentage points", columns, rows, notes)
