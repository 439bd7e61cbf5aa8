"""Word the notes below a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from homotopy_bench.report import statistics
from homotopy_bench.report.cells import _count, _name, _percent
from homotopy_bench.report.structure import Comparison, Section

# A sweep has hundreds of rows; the JSON has all of what is shortened here.
_MOST_KEYS = 6


_MOST_NAMES = 3


_MOST_NOTES = 8


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


def _shortened(items: Sequence[str]) -> str:
    rest = len(items) - _MOST_KEYS
    more = f"; and {_count(rest, 'more key')}, all in the JSON" if rest > 0 else ""
    return "; ".join(items[:_MOST_KEYS]) + more
