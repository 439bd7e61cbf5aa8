"""The table of a study: one row per contender, target and path accuracy apart, grouped by the network they train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from homotopy_bench.core import statistics
from reproductions.search import Budget
from reproductions.study import Outcome

PERCENT = 100.0


def accuracies(outcome: Outcome) -> list[float]:
    """Return the test accuracies at t = 1 after the last step, by seed."""
    return [summary["final"]["test_acc_target"] for summary in outcome.summaries]


def render(groups: Mapping[str, Sequence[Outcome]], title: str, command: str, budget: Budget) -> str:
    """Return the table of a study in Markdown.

    Args:
        groups: Target network -> outcomes; differences are taken to the baseline of the group that validation prefers.
        title: Heading.
        command: What made it.
        budget: What every search spent.

    Returns:
        The text of the page.
    """
    return "\n".join(_lines(groups, title, command, budget)) + "\n"


def _lines(groups: Mapping[str, Sequence[Outcome]], title: str, command: str, budget: Budget) -> Iterator[str]:
    some = next(iter(groups.values()))[0]
    seeds = len(some.summaries)
    yield f"# {title}"
    yield ""
    yield (
        f"Test accuracy in percent over {seeds} seeds (0 to {seeds - 1}), after the last step. Each row is the best of "
        f"{budget.settings} settings by validation accuracy at t = 1: each setting with one tuning seed, the best "
        f"{budget.finalists} with {budget.seeds} more, {budget.trainings()} trainings a row. What rows share (learning "
        "rate, weight decay, warm-up of the rate) takes the same points of the same ranges. *Path* is test accuracy "
        "where validation was best at any t: another network, never ranked. Difference: paired over the seeds, to the "
        "baseline of the group with the best validation accuracy, with its 95 % interval by Student's t."
    )
    for target, outcomes in groups.items():
        reference = _reference(outcomes)
        yield from ("", f"## Target: {target}", "")
        yield (
            "| row | validation | test, t = 1: mean | std | 95 % interval | worst seed | diverged | (path) "
            "| difference | gradients |"
        )
        yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
        for outcome in sorted(outcomes, key=lambda one: -(statistics.mean(accuracies(one)) or 0.0)):
            yield _row(outcome, reference)
    yield from ("", "## Chosen settings", "", "| row | overrides |", "|---|---|")
    for outcomes in groups.values():
        for outcome in outcomes:
            chosen = (*outcome.contender.overrides, *outcome.trials[0].overrides)
            yield f"| {outcome.contender.name} | `{' '.join(chosen)}` |"
    environment = some.summaries[0]["environment"]
    versions = ", ".join(f"{key} {value}" for key, value in environment.items() if isinstance(value, str | int))
    yield from ("", "## Made by", "", f"    {command}", "", f"Code {some.summaries[0]['code_version']}; {versions}.")


def _reference(outcomes: Sequence[Outcome]) -> Outcome | None:
    baselines = [one for one in outcomes if one.summaries[0]["method"] == "baseline"]
    if len(outcomes) == len(baselines):
        return None
    return max(baselines, key=_validation, default=None)


def _validation(outcome: Outcome) -> float:
    return statistics.mean([summary["final"]["val_acc_target"] for summary in outcome.summaries]) or 0.0


def _row(outcome: Outcome, reference: Outcome | None) -> str:
    ours = accuracies(outcome)
    interval = statistics.student_interval(ours)
    diverged = sum(summary["status"] == "diverged" for summary in outcome.summaries)
    on_path = [s["best_on_path"]["test_acc_path"] for s in outcome.summaries if s["best_on_path"]]
    deforms = outcome.summaries[0]["method"] != "baseline"
    cells = [
        outcome.contender.name.replace("_", " "),
        _percent(_validation(outcome)),
        f"**{_percent(statistics.mean(ours))}**",
        _percent(statistics.standard_deviation(ours)),
        "-" if interval is None else f"[{_percent(interval.low)}, {_percent(interval.high)}]",
        _percent(min(ours)),
        str(diverged),
        f"({_percent(statistics.mean(on_path))})" if deforms else "",
        _difference(outcome, reference),
        f"{outcome.summaries[0]['cost']['gradient_evaluations']:,}",
    ]
    return f"| {' | '.join(cells)} |"


def _difference(outcome: Outcome, reference: Outcome | None) -> str:
    if reference is None or outcome is reference:
        return "reference" if reference else ""
    pairs = [a - b for a, b in zip(accuracies(outcome), accuracies(reference), strict=True)]
    mean, interval = statistics.mean(pairs), statistics.student_interval(pairs)
    if mean is None or interval is None:
        return "-"
    return f"{PERCENT * mean:+.1f} [{PERCENT * interval.low:+.1f}, {PERCENT * interval.high:+.1f}]"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{PERCENT * value:.1f}"
