"""Lay out a report as titled tables of ready-made cells, for the renderers of text and Markdown.

Accuracies become per cent and their differences percentage points. Everything that is worded here is ASCII,
so that no terminal and no log file can fail to show it; names are as the records have them, and each renderer makes
them inert.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homotopy_bench.report.cells import NOTHING, amount, count, interval, name, percent, probability, seconds
from homotopy_bench.report.landscape import LandscapeMean
from homotopy_bench.report.notes import accuracy_notes, comparison_notes
from homotopy_bench.report.structure import Report, Section

LANDSCAPE = ("lambda_max", "trace", "gradient_norm", "sam", "asam", "flatness_filter_0.05", "barrier")
"""Figures of the landscape that stand in the tables; a document of JSON has all."""


@dataclass(frozen=True)
class Column:
    """Describe a column: its header, whether it holds numbers, and whether it stands apart from the ranked ones."""

    header: str
    number: bool = True
    aside: bool = False


@dataclass(frozen=True)
class Table:
    """Hold a table with a title above it and notes below it."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def heading(section: Section) -> str:
    """Return data set and model: the line above the tables of a section."""
    return f"{section.dataset} / {section.model}"


def tables(section: Section) -> tuple[Table, ...]:
    """Return the tables of accuracy and cost, of the comparison with the baseline and of the landscape, if any."""
    return (_accuracy(section), _cost(section), *_comparison(section), *_landscape(section))


def remark(section: Section) -> str:
    """Return in a sentence why a section has no comparison; empty where it has some."""
    if section.comparisons:
        return ""
    return f"No paired comparison: {section.no_baseline or 'every row here is a baseline'}."


def overview(report: Report) -> str:
    """Return how many runs are in the tables, how many folders are not, and how many tuning runs were left out."""
    runs = sum(row.runs for section in report.sections for row in section.rows)
    tuning = f"; {count(report.tuning_runs, 'tuning run')} left out (--tuning)" if report.tuning_runs else ""
    return f"{count(runs, 'run')} in the tables, {count(len(report.unusable), 'folder')} not{tuning}"


def unusable(report: Report) -> tuple[tuple[str, str, str], ...]:
    """Return kind, path and reason of the folders that are in no table."""
    return tuple((one.kind, str(one.path), one.reason) for one in report.unusable)


def legend(report: Report) -> tuple[str, ...]:
    """Return sentences that say how every column was computed, without those on tables that are not there."""
    lines = [
        "Test accuracy is that of the final network at t = 1. Diverged runs count with the accuracy they "
        "have. std: ddof = 1. IQM: interquartile mean. Best on path is the accuracy of another network, at "
        "the t where validation was best: never ranked.",
        "95 % intervals: Student's t, which covers normal data for any number of runs, and skewed data somewhat less "
        "often; where seeds collapse, none covers.",
        "Cost: means over the same runs. A forward equivalent is the cost of one minibatch's forward pass.",
    ]
    if report.tests:
        lines.append(
            "p: two-sided Wilcoxon signed-rank test; p Holm: corrected for the "
            f"{count(report.tests, 'test')} of this report. MDE, the minimum detectable effect: the true "
            "difference that a paired t-test of this size finds with 80 % power at the 5 % level."
        )
    return tuple(lines)


def _columns(*headers: str, aside: str | None = None) -> tuple[Column, ...]:
    """Return the column of names and those of numbers, one of them apart."""
    return (Column("method", number=False), *(Column(header, aside=header == aside) for header in headers))


def _accuracy(section: Section) -> Table:
    aside = "(best on\npath, not\nranked)"
    columns = _columns("runs", "diverged", "mean", "std", "IQM", "95 % interval\nof the mean", aside, aside=aside)
    rows = tuple(
        (
            name(row),
            str(row.runs),
            str(row.diverged),
            percent(row.mean),
            percent(row.std),
            percent(row.iqm),
            interval(row.interval),
            NOTHING if row.path_mean is None else f"({percent(row.path_mean)})",
        )
        for row in section.rows
    )
    return Table("Test accuracy at t = 1, in %", columns, rows, tuple(accuracy_notes(section)))


def _cost(section: Section) -> Table:
    hvp = any(row.hvp_evaluations for row in section.rows)
    columns = _columns("train\nseconds", "gradient\nevaluations", *["HVPs"] * hvp, "forward\nequivalents")
    rows = tuple(
        (
            name(row),
            seconds(row.train_seconds),
            amount(row.gradient_evaluations),
            *[amount(row.hvp_evaluations)] * hvp,
            amount(row.forward_equivalents),
        )
        for row in section.rows
    )
    return Table("Cost per run", columns, rows)


def _landscape(section: Section) -> Iterator[Table]:
    """Yield for each split a table of the figures that some run has."""
    for split in ("train", "test"):
        known = {one for row in section.rows for one in row.landscape.get(split, {})}
        shown = [one for one in LANDSCAPE if one in known]
        if not shown:
            continue
        columns = _columns("runs", *(one.replace("_", "\n", 1) for one in shown))
        rows = []
        for row in section.rows:
            found = row.landscape.get(split, {})
            runs = max((one.runs for one in found.values()), default=0)
            rows.append((name(row), str(runs), *(_spread(found.get(one)) for one in shown)))
        yield Table(f"Landscape at t = 1 on {split} data, mean +- std", columns, tuple(rows))


def _spread(found: LandscapeMean | None) -> str:
    """Return a mean with its standard deviation."""
    if found is None:
        return NOTHING
    return f"{found.mean:.3g}" + ("" if found.std is None else f" +- {found.std:.1g}")


def _comparison(section: Section) -> tuple[Table, ...]:
    """Return the table of paired differences; none without a baseline or rows to compare with it."""
    if section.baseline is None or not section.comparisons:
        return ()
    columns = _columns("pairs", "mean\ndiff.", "95 % interval\nof the mean", "p", "p Holm", "MDE", "cost\nratio")
    rows = tuple(
        (
            name(one),
            str(one.pairs),
            percent(one.mean_difference, sign=True),
            interval(one.interval, sign=True),
            probability(one.p_value),
            probability(one.p_holm),
            percent(one.minimum_detectable_effect),
            NOTHING if one.cost_ratio is None else f"{one.cost_ratio:.2f}",
        )
        for one in section.comparisons
    )
    notes = tuple(comparison_notes(section.comparisons, section.baseline))
    return (Table("Paired difference to the baseline, in percentage points", columns, rows, notes),)
