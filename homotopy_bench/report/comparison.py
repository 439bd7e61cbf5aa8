"""Choose the baseline of a section, and compare every other row with it, seed by seed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from homotopy_bench.core import statistics
from homotopy_bench.core.errors import InputError, nearest
from homotopy_bench.report.collapse import collapsed_seeds
from homotopy_bench.report.structure import BaselineChoice, Comparison, Row, Section
from homotopy_bench.report.variants import Variant, canonical, differing_settings, shown

BASELINE = "baseline"
"""Name of the method that the others are compared with."""

CONTROL = "trace"
"""Learning-rate schedule of a control: a baseline that replays the rates of another method is no setting of its own."""

# What makes a method a method; everything else that differs is a second cause of any difference in accuracy.
_METHOD_GROUPS = frozenset({"method", "continuation"})
SCHEDULE = "lr_schedule.name"


def choose_baseline(
    candidates: Sequence[tuple[Row, Variant]], asked: Mapping[str, object]
) -> tuple[BaselineChoice, Variant] | str:
    """Return the baseline of a section, or why there is none.

    Of the candidates with the values asked for, it is the one best on validation, never on test data, among those with
    at least half the runs of the one that has most. A control is taken where its schedule is asked for, and nowhere
    else.
    """
    if not candidates:
        return "no run of method baseline here"
    words = _words(asked)
    if SCHEDULE not in asked:
        candidates = [(row, variant) for row, variant in candidates if not _is_control(variant)]
    if not candidates:
        return f"the only baselines here are controls; pick one with --baseline {SCHEDULE}={CONTROL}"
    fitting = [(row, variant) for row, variant in candidates if _fits_all(variant, asked)]
    if not fitting:
        return f"no baseline with {' '.join(words)} here"
    if len(fitting) > 1:
        fitting = [(row, variant) for row, variant in fitting if row.val_mean is not None]
    if not fitting:
        return "the baselines have no validation accuracy to choose by; pick one with --baseline KEY=VALUE"
    # The mean of a few seeds is the more often the best of several.
    most = max(row.runs for row, _ in fitting)
    fitting = [(row, variant) for row, variant in fitting if 2 * row.runs >= most]
    row, variant = max(fitting, key=lambda pair: (pair[0].val_mean or 0.0, pair[0].runs))
    return BaselineChoice(row.label, len(candidates), row.val_mean, words), variant


def check_asked(candidates: Sequence[Variant], asked: Mapping[str, object]) -> None:
    """Refuse a ``--baseline`` that fits none of the baseline variants of the report.

    Raises:
        InputError: If no candidate has a key, none has its value, or none has all values at once.
    """
    for key, value in asked.items():
        values = {variant.settings[key] for variant in candidates if key in variant.settings}
        if not values:
            keys = sorted({known for variant in candidates for known in variant.settings})
            reason = f"no baseline run has this key{nearest(key, keys)}" if keys else "no run of method baseline here"
            raise InputError(f"--baseline {key}", _as_text(value), reason)
        if not any(_fits(text, value) for text in values):
            accepted = ", ".join(sorted(map(shown, values)))
            raise InputError(f"--baseline {key}", _as_text(value), f"the baseline runs here have: {accepted}")
    if not any(_fits_all(one, asked) for one in candidates):
        reason = "each value occurs, but no baseline run has all of them"
        raise InputError("--baseline", " ".join(_words(asked)), reason)


def compare(row: Row, variant: Variant, baseline: Variant) -> Comparison:
    """Return how a variant with its row differs from the baseline, without what needs all other p values."""
    ours = {run.seed: run.test_acc for run in variant.runs}
    theirs = {run.seed: run.test_acc for run in baseline.runs}
    differences = [ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())]
    unequal = statistics.unequal_pairs(differences)
    cost, baseline_cost = _cost_of_completed(variant), _cost_of_completed(baseline)
    return Comparison(
        method=row.method,
        label=row.label,
        pairs=len(differences),
        dropped_seeds=tuple(sorted(ours.keys() - theirs.keys())),
        dropped_baseline_seeds=tuple(sorted(theirs.keys() - ours.keys())),
        collapsed_seeds=tuple(seed for seed in collapsed_seeds(variant.runs) if seed in theirs),
        collapsed_baseline_seeds=tuple(seed for seed in collapsed_seeds(baseline.runs) if seed in ours),
        unequal_pairs=unequal,
        mean_difference=statistics.mean(differences),
        interval=statistics.student_interval(differences),
        p_value=statistics.wilcoxon_p(differences),
        p_holm=None,
        beats=False,
        smallest_p=statistics.smallest_wilcoxon_p(unequal),
        minimum_detectable_effect=statistics.minimum_detectable_effect(differences),
        cost_ratio=cost / baseline_cost if cost is not None and baseline_cost else None,
        differs_in=differing_settings(variant, baseline, without=_METHOD_GROUPS),
    )


def _cost_of_completed(variant: Variant) -> float | None:
    """Return the mean cost of the runs that used their whole budget, in forward equivalents."""
    costs = (run.forward_equivalents for run in variant.runs if run.status == "completed")
    return statistics.mean([cost for cost in costs if cost is not None])


def rows_with_comparisons(section: Section) -> Iterator[tuple[Row, Comparison | None]]:
    """Yield every row of a section, in their order, with its comparison; None for a row that is compared with none."""
    comparisons = iter(section.comparisons)
    for row in section.rows:
        yield row, None if section.baseline is None or row.method == BASELINE else next(comparisons)


def correct_for_multiple_tests(sections: Sequence[Section]) -> tuple[tuple[Section, ...], int]:
    """Return sections with every ``p_holm`` and ``beats``, and m: one correction over all m comparisons with a p value.

    A row beats the baseline where its corrected p is at most 5 % and its interval lies above zero, so that in at most
    5 % of all reports without an effect some row does.
    """
    p_values = [one.p_value for section in sections for one in section.comparisons if one.p_value is not None]
    adjusted = iter(statistics.holm(p_values))
    corrected = []
    for section in sections:
        comparisons = [c if c.p_value is None else _judged(c, next(adjusted)) for c in section.comparisons]
        corrected.append(replace(section, comparisons=tuple(comparisons)))
    return tuple(corrected), len(p_values)


def _judged(one: Comparison, p_holm: float) -> Comparison:
    beats = p_holm <= statistics.ALPHA and one.interval is not None and one.interval.low > 0.0
    return replace(one, p_holm=p_holm, beats=beats)


def _is_control(variant: Variant) -> bool:
    return shown(variant.settings.get(SCHEDULE)) == CONTROL


def _words(asked: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(f"{key}={_as_text(value)}" for key, value in asked.items())


def _fits_all(variant: Variant, asked: Mapping[str, object]) -> bool:
    return all(_fits(variant.settings.get(key), value) for key, value in asked.items())


def _fits(text: str | None, wanted: object) -> bool:
    if text is None:
        return False
    if isinstance(wanted, str):
        # From a command line everything is text: 1e-3 must find 0.001, and kaiming a string without quotes.
        if wanted == shown(text):
            return True
        try:
            wanted = json.loads(wanted)
        except ValueError:
            return False
    return canonical(wanted) == text


def _as_text(value: object) -> str:
    return shown(canonical(value))
