"""The table of a study: one row per contender, target and path accuracy apart, grouped by the network they train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from homotopy_bench.core import statistics
from reproductions.ledger import made_by
from reproductions.study import Outcome, Study

PERCENT = 100.0

LEVEL = 0.05
"""Level of significance; where so few seeds cannot have a p below it, the page says so."""


def accuracies(outcome: Outcome) -> list[float]:
    """Return the test accuracies at t = 1 after the last step, by seed."""
    return [one.test_acc for one in outcome.reports if one.test_acc is not None]


def render(groups: Mapping[str, Sequence[Outcome]], study: Study, command: str, waiting: Sequence[str] = ()) -> str:
    """Return the table of a study in Markdown.

    Args:
        groups: Target network -> outcomes.
        study: Its title, its budget, and the row that differences are taken to.
        command: What made it.
        waiting: Names of the rows that have not been measured.

    Returns:
        The text of the page.
    """
    return "\n".join(_lines(groups, study, command, waiting)) + "\n"


def _lines(
    groups: Mapping[str, Sequence[Outcome]], study: Study, command: str, waiting: Sequence[str]
) -> Iterator[str]:
    budget = study.budget
    reports = [one for outcomes in groups.values() for outcome in outcomes for one in outcome.reports]
    seeds = len({one.seed for one in reports})
    yield f"# {study.title}"
    yield ""
    if not reports:
        yield "No row has been measured in full."
        return
    whom = study.reference or "the baseline of the group with the best validation accuracy"
    yield (
        f"Test accuracy in percent over {seeds} seeds (0 to {seeds - 1}), after the last step. Each row is the best of "
        f"{budget.settings} settings by validation accuracy at t = 1: each setting with one tuning seed, the best "
        f"{budget.finalists} with {budget.seeds} more, {budget.trainings()} trainings a row. {_searched(groups)} "
        "*Path* is test accuracy where validation was best at any t: another network, never ranked. Difference: "
        f"paired over the seeds, to {whom}, with its 95 % interval by Student's t; p of Wilcoxon's signed-rank test "
        "after Holm over all differences of the page."
    )
    if (least := 2.0 ** (1 - seeds)) > LEVEL:
        yield f"Of {seeds} seeds that p is never below {least:.2g}: judge by the intervals."
    if waiting:
        yield from ("", f"Not measured yet: {', '.join(waiting)}.")
    references = {target: _reference(target, groups, study.reference) for target in groups}
    comparisons = [
        (outcome, reference, p)
        for target, outcomes in groups.items()
        if (reference := references[target]) is not None
        for outcome in outcomes
        if outcome is not reference and (p := statistics.wilcoxon_p(_pairs(outcome, reference))) is not None
    ]
    adjusted = statistics.holm([p for _, _, p in comparisons])
    holm = {one.contender.name: p for (one, _, _), p in zip(comparisons, adjusted, strict=True)}
    for target, outcomes in groups.items():
        if not outcomes:
            continue
        reference = references[target]
        yield from ("", f"## {'' if study.reference else 'Target: '}{target}", "")
        yield (
            "| row | validation | test, t = 1: mean | std | 95 % interval | worst seed | diverged | (path) "
            "| difference | p Holm | gradients |"
        )
        yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
        for outcome in sorted(outcomes, key=lambda one: -(statistics.mean(accuracies(one)) or 0.0)):
            yield _row(outcome, reference, holm.get(outcome.contender.name))
    yield from ("", "## Chosen settings", "", "| row | overrides |", "|---|---|")
    for outcomes in groups.values():
        for outcome in outcomes:
            yield f"| {outcome.contender.name} | `{outcome.trials[0].overrides}` |"
    yield from made_by(command, reports)


def _searched(groups: Mapping[str, Sequence[Outcome]]) -> str:
    """Return what the rows search, in a sentence."""
    spaces = [{key.key for key in one.contender.space} for outcomes in groups.values() for one in outcomes]
    shared = set.intersection(*spaces)
    more = sorted(set.union(*spaces) - shared)
    words = f"All rows try the same values of {', '.join(sorted(shared))}"
    return f"{words}; rows that search {' or '.join(more)} too have no more trainings." if more else f"{words}."


def _reference(target: str, groups: Mapping[str, Sequence[Outcome]], name: str | None) -> Outcome | None:
    if name is not None:
        return next((one for own in groups.values() for one in own if one.contender.name == name), None)
    outcomes = groups[target]
    baselines = [one for one in outcomes if _is_baseline(one)]
    if len(outcomes) == len(baselines):
        return None
    return max(baselines, key=_validation, default=None)


def _is_baseline(outcome: Outcome) -> bool:
    return "method=baseline" in outcome.contender.overrides


def _validation(outcome: Outcome) -> float:
    return statistics.mean([one.val_acc for one in outcome.reports]) or 0.0


def _row(outcome: Outcome, reference: Outcome | None, p: float | None) -> str:
    ours = accuracies(outcome)
    interval = statistics.student_interval(ours)
    on_path = [one.path_test_acc for one in outcome.reports if one.path_test_acc is not None]
    cells = [
        outcome.contender.name.replace("_", " "),
        _percent(_validation(outcome)),
        f"**{_percent(statistics.mean(ours))}**",
        _percent(statistics.standard_deviation(ours)),
        "-" if interval is None else f"[{_percent(interval.low)}, {_percent(interval.high)}]",
        _percent(min(ours)),
        str(sum(one.status == "diverged" for one in outcome.reports)),
        "" if _is_baseline(outcome) else f"({_percent(statistics.mean(on_path))})",
        _difference(outcome, reference),
        "" if p is None else f"{p:.2g}",
        f"{outcome.reports[0].gradients:,}",
    ]
    return f"| {' | '.join(cells)} |"


def _pairs(outcome: Outcome, reference: Outcome) -> list[float]:
    return [a - b for a, b in zip(accuracies(outcome), accuracies(reference), strict=True)]


def _difference(outcome: Outcome, reference: Outcome | None) -> str:
    if reference is None or outcome is reference:
        return "reference" if reference else ""
    pairs = _pairs(outcome, reference)
    mean, interval = statistics.mean(pairs), statistics.student_interval(pairs)
    if mean is None or interval is None:
        return "-"
    return f"{PERCENT * mean:+.1f} [{PERCENT * interval.low:+.1f}, {PERCENT * interval.high:+.1f}]"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{PERCENT * value:.1f}"
