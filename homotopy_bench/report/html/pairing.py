"""Pair the runs of a row with those of the baseline by their seeds."""

from __future__ import annotations

from homotopy_bench.report.structure import Row


def pairs(row: Row, baseline: Row) -> list[tuple[int, float, float]]:
    """Return seed, accuracy of the row and of the baseline for every seed that both have, by rising seed.

    A row that is paired with itself has the same accuracy twice.
    """
    own = dict(zip(row.seeds, row.accuracies, strict=True))
    other = dict(zip(baseline.seeds, baseline.accuracies, strict=True))
    return [(seed, own[seed], other[seed]) for seed in sorted(own.keys() & other.keys())]
