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
from homotopy_bench.report.verdict import verdicts

LANDSCAPE = ("lambda_max", "trace", "gradient_norm", "sam", "asam", "flatness_filter_0.05")
"""Figures of the landscape that stand in the tables; a document of JSON has all."""


MOST_VERDICTS = 8
"""Verdicts of a section that stand above the tables; a document of JSON has all."""


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
    """Return data set, model and what tells the protocol from others: the line above the tables of a section."""
    return f"{section.dataset} / {section.model}" + (f" ({section.label})" if section.label else "")


def conclusions(report: Report) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the verdicts of every section under its heading; of a sweep with many rows those on the best ones."""
    return tuple((heading(section), _most(verdicts(section))) for section in report.sections)


def _most(sentences: tuple[str, ...]) -> tuple[str, ...]:
    rest = len(sentences) - MOST_VERDICTS
    return (*sentences[:MOST_VERDICTS], f"{count(rest, 'more row')} below.") if rest > 0 else sentences


def tables(section: Section) -> tuple[Table, ...]:
    """Return the tables of accuracy and cost, of stability, the comparison with the baseline and landscape, if any."""
    compared = comparison_table(section)
    return (
        *(accuracy_table(section), cost_table(section), *stability_table(section)),
        *(*compared, *landscape_tables(section)),
    )


def overview(report: Report) -> str:
    """Return how many runs are in the tables, how many folders are not, and how many tuning runs were left out."""
    runs = sum(row.runs for section in report.sections for row in section.rows)
    tuning = f"; {count(report.tuning_runs, 'tuning run')} left out (--tuning)" if report.tuning_runs else ""
    return f"{count(runs, 'run')} in the tables, {count(len(report.unusable), 'folder')} not{tuning}"


def unusable(report: Report) -> tuple[tuple[str, str, str], ...]:
    """Return kind, path and reason of the folders that are in no table."""
    return tuple((one.kind, str(one.path), one.reason) for one in report.unusable)


def legend(report: Report) -> tuple[str, ...]:
    """Return what a reader must know of the columns, without those of tables that are not there."""
    lines = [
        "Accuracy is that of the final network at t = 1; diverged runs count. IQM: mean of the middle half. "
        "Best on path is another network, never ranked.",
        "95 % intervals: Student's t. Where seeds collapse, no interval of few runs covers.",
        "A forward equivalent is the cost of one minibatch's forward pass.",
    ]
    if report.tests:
        lines.append(
            f"p: Wilcoxon's signed-rank test; p Holm: corrected for {count(report.tests, 'test')}. A row beats the "
            "baseline where p Holm <= 0.05 and the interval lies above zero. MDE: the true difference that so many "
            "pairs find with 80 % power."
        )
    return tuple(lines)


def _columns(*headers: str, aside: str | None = None) -> tuple[Column, ...]:
    """Return the column of names and those of numbers, one of them apart."""
    return (Column("method", number=False), *(Column(header, aside=header == aside) for header in headers))


def accuracy_table(section: Section) -> Table:
    """Return the table of accuracies, a row for every row of the section in their order."""
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


def cost_table(section: Section) -> Table:
    """Return the table of what a run costs, in the order of the rows."""
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


def stability_table(section: Section) -> tuple[Table, ...]:
    """Return the table of losses, loss spikes and gradient norms; none where no record has them."""
    if all(row.loss_spikes is None for row in section.rows):
        return ()
    columns = _columns("test loss\n[nats]", "loss spikes\nper run", "largest\ngradient", "diverged")
    rows = tuple(
        (
            name(row),
            *(NOTHING if value is None else f"{value:.4g}" for value in (row.loss_mean, row.loss_spikes)),
            NOTHING if row.max_grad_norm is None else f"{row.max_grad_norm:.3g}",
            str(row.diverged),
        )
        for row in section.rows
    )
    return (Table("Loss and stability", columns, rows),)


def landscape_tables(section: Section) -> Iterator[Table]:
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


def comparison_table(section: Section) -> tuple[Table, ...]:
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
