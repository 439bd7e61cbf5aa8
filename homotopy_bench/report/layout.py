"""The report as titled tables of ready-made cells, for the renderers of text and Markdown.

Accuracies become per cent and their differences percentage points. Everything here is ASCII, so that no
terminal and no log file can fail to show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from homotopy_bench.report import statistics
from homotopy_bench.report.statistics import Interval
from homotopy_bench.report.structure import Comparison, Report, Row, Section

NOTHING = "-"
"""The cell of a value that is not defined or not in the records."""

# A sweep has hundreds of rows; the JSON has all of what is shortened here.
_MOST_KEYS = 6
_MOST_NAMES = 3
_MOST_NOTES = 8


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


def printable(text: str) -> str:
    """Return text that any encoder of UTF-8 takes.

    Args:
        text: Any text; the name of a folder may hold bytes that are no UTF-8.

    Returns:
        The text with such bytes as escapes.
    """
    return text.encode("utf-8", "backslashreplace").decode()


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


def _accuracy_notes(section: Section) -> Iterator[str]:
    if section.validated_on_test:
        yield (
            "dataset.protocol=source: some of these runs validated on the test split, so that whatever "
            "was chosen by validation was chosen by test accuracy."
        )
    if section.unpublished_data:
        yield (
            f"Some of these runs read files of {section.dataset} that are not the published ones (`data` in their "
            "summary.json says which): their accuracies are not those of the original data."
        )
    for row in section.rows:
        if 0 < row.path_runs < row.runs:
            yield f"{_name(row)}: best on path is known for {row.path_runs} of {_count(row.runs, 'run')}."
    for method, keys in section.also_differ.items():
        listed = [
            f"{key} ({', '.join(values) if len(values) < 5 else f'{len(values)} values'})"
            for key, values in keys.items()
        ]
        yield f"The {method} rows also differ in {_shortened(listed)}."
    if len(section.code_versions) > 1:
        versions = ", ".join(version or "unknown" for version in section.code_versions)
        yield f"These runs come from {len(section.code_versions)} versions of the code: {versions}."


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


def _chosen(section: Section) -> str:
    choice = section.baseline
    assert choice is not None, "comparisons have a baseline"
    name = f"baseline {choice.label}".rstrip()
    validation = "" if choice.val_mean is None else f", mean validation accuracy {_percent(choice.val_mean)} %"
    if choice.asked:
        return f"Compared with: {name}{validation}; picked by --baseline {' --baseline '.join(choice.asked)}."
    if choice.candidates == 1:
        return f"Compared with: {name}{validation}; the only baseline variant here."
    return f"Compared with: {name}{validation}, the best of {choice.candidates} baseline variants."


def _comparison_notes(comparisons: Sequence[Comparison]) -> Iterator[str]:
    unpaired = [one for one in comparisons if one.dropped_seeds or one.dropped_baseline_seeds]
    yield from _by_note((one, _dropped(one)) for one in unpaired)
    equal = [one for one in comparisons if one.pairs and not one.unequal_pairs]
    yield from _by_note((one, "equal to the baseline in every pair") for one in equal)
    yield from _confounders([one for one in comparisons if one.differs_in])
    for unequal in sorted({one.unequal_pairs for one in comparisons}):
        few = [one for one in comparisons if one.unequal_pairs == unequal]
        smallest = few[0].smallest_p
        if smallest is not None and smallest > statistics.ALPHA:
            which = "" if len(few) == len(comparisons) else f" ({_names(few)})"
            yield (
                f"With {_count(unequal, 'unequal pair')}{which} p cannot be below {smallest:g}, however "
                "large the difference; 0.05 takes at least 6 pairs, and more under Holm's correction."
            )


def _dropped(one: Comparison) -> str:
    own, other = len(one.dropped_seeds), len(one.dropped_baseline_seeds)
    return f"{_count(own, 'seed')} of its own and {_count(other, 'seed')} of the baseline dropped for want of a partner"


def _confounders(comparisons: Sequence[Comparison]) -> Iterator[str]:
    what = "differs from the baseline in more than the method"
    values = {
        one.method + one.label: [f"{key} ({ours}, baseline {theirs})" for key, (ours, theirs) in one.differs_in.items()]
        for one in comparisons
    }
    if len({tuple(listed) for listed in values.values()}) <= _MOST_NOTES:
        yield from _by_note((one, f"{what}: {_shortened(values[one.method + one.label])}") for one in comparisons)
    else:
        yield from _by_note((one, f"{what}: {_shortened(list(one.differs_in))}") for one in comparisons)


def _by_note(notes: Iterable[tuple[Comparison, str]]) -> Iterator[str]:
    grouped: dict[str, list[Comparison]] = {}
    for one, note in notes:
        grouped.setdefault(note, []).append(one)
    for note, rows in grouped.items():
        yield f"{_names(rows)}: {note}."


def _names(rows: Sequence[Comparison]) -> str:
    rest = len(rows) - _MOST_NAMES
    more = f" and {_count(rest, 'more row')}" if rest > 0 else ""
    return ", ".join(map(_name, rows[:_MOST_NAMES])) + more


def _name(row: Row | Comparison) -> str:
    return f"{row.method} {row.label}".rstrip()


def _percent(fraction: float | None, *, sign: bool = False) -> str:
    if fraction is None:
        return NOTHING
    text = f"{100 * fraction:.2f}"
    # A difference that rounds to nothing has no sign worth showing.
    return "0.00" if text in ("0.00", "-0.00") else f"+{text}" if sign and fraction > 0 else text


def _interval(interval: Interval | None, *, sign: bool = False) -> str:
    if interval is None:
        return NOTHING
    return f"[{_percent(interval.low, sign=sign)}, {_percent(interval.high, sign=sign)}]"


def _probability(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.4f}" if value >= 1e-4 else f"{value:.0e}"


def _amount(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value < 1e9 else f"{value:.3e}"


def _seconds(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.3g}" if value < 100 else _amount(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _shortened(items: Sequence[str]) -> str:
    rest = len(items) - _MOST_KEYS
    more = f"; and {_count(rest, 'more key')}, all in the JSON" if rest > 0 else ""
    return "; ".join(items[:_MOST_KEYS]) + more
