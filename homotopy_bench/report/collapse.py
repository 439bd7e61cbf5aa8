"""Find the seeds of a row that collapsed: they are no spread around the others, and no interval covers them."""

from __future__ import annotations

from collections.abc import Sequence

from homotopy_bench.report.runs import Run

SHARE = 0.5
"""Share of the accuracy of the best seed of a row below which a seed has collapsed."""


def collapsed_seeds(runs: Sequence[Run]) -> tuple[int, ...]:
    """Return the seeds of a row's runs that diverged, or are less than half as accurate as the best of the row.

    Where all seeds of a row are at chance alike none stands out, and the mean says it.
    """
    least = SHARE * max((run.test_acc for run in runs), default=0.0)
    return tuple(run.seed for run in runs if run.status == "diverged" or run.test_acc < least)
