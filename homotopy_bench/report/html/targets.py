"""Set target accuracies for a section, and find what each run paid to reach one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from homotopy_bench.report.cells import percent
from homotopy_bench.report.html.history import History
from homotopy_bench.report.html.kaplan_meier import Outcome
from homotopy_bench.report.structure import Section

SHARES = (0.9, 0.8, 1.0)
"""Targets as shares of the reference; the first one is that of performance profiles."""


@dataclass(frozen=True)
class Target:
    """Hold a validation accuracy to reach, and of which reference it is what share; both are fractions."""

    accuracy: float
    part: float
    reference: str

    @property
    def words(self) -> str:
        """The accuracy in per cent."""
        return f"{percent(self.accuracy)} %"

    @property
    def share(self) -> str:
        """The share of the reference in per cent."""
        return f"{100 * self.part:.0f} %"


def targets(section: Section) -> list[Target]:
    """Return the targets of a section, shares of its reference; none without validation accuracies.

    The reference is the mean validation accuracy of the baseline that the section compares with, at its end; without a
    baseline, that of the row which is best there.
    """
    baseline = None if section.baseline is None else section.baseline.val_mean
    known = [row.val_mean for row in section.rows if row.val_mean is not None]
    reference = baseline if baseline is not None else max(known, default=None)
    whose = "the baseline" if baseline is not None else "the best row"
    if not reference:
        return []
    words = f"the mean validation accuracy that {whose} has at its end, {percent(reference)} %"
    return [Target(share * reference, share, words) for share in SHARES]


def budget(histories: Iterable[History]) -> float:
    """Return the most gradients of any of these runs; 0 where none is known."""
    return max((known for run in histories if math.isfinite(known := _paid(run))), default=0.0)


def outcomes(histories: Sequence[History], target: Target, horizon: float) -> list[Outcome]:
    """Return for every run the gradients until the first evaluation that finds the target at t = 1 reached.

    Args:
        histories: The runs; one without counted gradients has no outcome.
        target: What to reach.
        horizon: Gradients of the longest run of the section. A run that ends without the target is censored at its
            last evaluation; one that diverged would never reach it, and is censored at the horizon.
    """
    found = []
    for run in histories:
        evaluations = [one for one in run.evaluations if math.isfinite(one.gradients)]
        first = next((one.gradients for one in evaluations if one.target >= target.accuracy), None)
        if first is not None:
            found.append(Outcome(first, reached=True))
        elif evaluations:
            found.append(Outcome(horizon if run.diverged else _paid(run), reached=False))
    return found


def _paid(run: History) -> float:
    return max((one.gradients for one in run.evaluations if math.isfinite(one.gradients)), default=math.nan)
