"""Word the notes below a table: what its cells cannot say.

A sweep has hundreds of rows, so that long lists are shortened; the JSON has all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from homotopy_bench.core import statistics
from homotopy_bench.core.tuning_budget import TuningBudget
from homotopy_bench.report.cells import count, name, percent
from homotopy_bench.report.structure import BaselineChoice, Comparison, Row, Section

_MOST_KEYS, _MOST_NAMES, _MOST_NOTES = 6, 3, 8


def accuracy_notes(section: Section) -> Iterator[str]:
    """Yield what to keep in mind when reading the accuracies of a section."""
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
    damaged = [f"{path}: {what}" for path, what in section.damaged.items()]
    if damaged:
        rest = len(damaged) - _MOST_NOTES
        more = f"; and {count(rest, 'more run')}, all in the JSON" if rest > 0 else ""
        yield f"Curves that are not drawn: {'; '.join(damaged[:_MOST_NOTES])}{more}."
    yield from _collapsed(section.rows)
    for row in section.rows:
        if 0 < row.path_runs < row.runs:
            yield f"{name(row)}: best on path is known for {row.path_runs} of {count(row.runs, 'run')}."
        if 0 < row.loss_runs < row.runs and row.loss_spikes is not None:
            yield f"{name(row)}: test loss is finite, and averaged, in {row.loss_runs} of {count(row.runs, 'run')}."
    yield from _budgets(section.rows)
    for method, keys in section.also_differ.items():
        listed = [
            f"{key} ({', '.join(values) if len(values) < 5 else f'{len(values)} values'})"
            for key, values in keys.items()
        ]
        yield f"The {method} rows also differ in {_shortened(listed)}."
    yield _made_with(section)


def comparison_notes(comparisons: Sequence[Comparison], choice: BaselineChoice) -> Iterator[str]:
    """Yield the baseline and how it was chosen, then what limits the comparisons with it."""
    validation = "" if choice.val_mean is None else f", mean validation accuracy {percent(choice.val_mean)} %"
    how = f", the best of {choice.candidates} baseline variants"
    if choice.asked:
        how = f"; picked by --baseline {' --baseline '.join(choice.asked)}"
    elif choice.candidates == 1:
        how = "; the only candidate here"
    yield f"Compared with: {f'baseline {choice.label}'.rstrip()}{validation}{how}."
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
                f"With {count(unequal, 'unequal pair')}{which} p cannot be below {smallest:g}, however "
                "large the difference; 0.05 takes at least 6 pairs, and more under Holm's correction."
            )


def _made_with(section: Section) -> str:
    """Return the versions and processors that made the runs; where there are several, what that does."""
    kinds = (("code", section.code_versions), ("torch", section.torch_versions), ("processor", section.processors))
    said = [f"{kind} {', '.join(one or 'unknown' for one in several)}" for kind, several in kinds]
    differ = " Last digits differ between them." if any(len(several) > 1 for _, several in kinds) else ""
    return f"Made with {'; '.join(said)}.{differ}"


def _collapsed(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the seeds that collapsed, with their accuracies."""
    of = [row for row in rows if row.collapsed_seeds]
    for row in of[:_MOST_NOTES]:
        accuracy = dict(zip(row.seeds, row.accuracies, strict=True))
        seeds = [f"{seed} ({percent(accuracy[seed])} %)" for seed in row.collapsed_seeds]
        yield f"{name(row)}: {len(seeds)} of {count(row.runs, 'seed')} collapsed: {_shortened(seeds, 'seed')}."
    if len(of) > _MOST_NOTES:
        yield f"{count(len(of) - _MOST_NOTES, 'more row')} with collapsed seeds, all in the JSON."


def _budgets(rows: Sequence[Row]) -> Iterator[str]:
    """Yield with how many trials each row was tuned, where that is known of one, and whether these are equally many."""
    known = [row.tuning for row in rows if row.tuning is not None]
    if known:
        yield from _by_note((row, _budget(row.tuning)) for row in rows)
    if len({budget.trials for budget in known}) > 1:
        yield "The tuning budgets of these rows are not equal."


def _budget(budget: TuningBudget | None) -> str:
    if budget is None:
        return "not known to be tuned by a study"
    return f"{budget}{', as the study ended short' if budget.trials < budget.of else ''}"


def _dropped(one: Comparison) -> str:
    own, other = len(one.dropped_seeds), len(one.dropped_baseline_seeds)
    return f"{count(own, 'seed')} of its own and {count(other, 'seed')} of the baseline dropped for want of a partner"


def _confounders(comparisons: Sequence[Comparison]) -> Iterator[str]:
    listed = [
        [f"{key} ({ours}, baseline {theirs})" for key, (ours, theirs) in one.differs_in.items()] for one in comparisons
    ]
    if len(set(map(tuple, listed))) > _MOST_NOTES:  # without the values, many rows share one note
        listed = [list(one.differs_in) for one in comparisons]
    what = "differs from the baseline in more than the method"
    yield from _by_note((one, f"{what}: {_shortened(keys)}") for one, keys in zip(comparisons, listed, strict=True))


def _by_note(notes: Iterable[tuple[Row | Comparison, str]]) -> Iterator[str]:
    grouped: dict[str, list[Row | Comparison]] = {}
    for one, note in notes:
        grouped.setdefault(note, []).append(one)
    for note, rows in grouped.items():
        yield f"{_names(rows)}: {note}."


def _names(rows: Sequence[Row | Comparison]) -> str:
    rest = len(rows) - _MOST_NAMES
    more = f" and {count(rest, 'more row')}" if rest > 0 else ""
    return ", ".join(map(name, rows[:_MOST_NAMES])) + more


def _shortened(items: Sequence[str], noun: str = "key") -> str:
    rest = len(items) - _MOST_KEYS
    more = f"; and {count(rest, f'more {noun}')}, all in the JSON" if rest > 0 else ""
    return "; ".join(items[:_MOST_KEYS]) + more
