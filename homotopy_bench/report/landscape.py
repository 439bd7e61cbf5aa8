"""Read what was measured around the networks of runs, and average it over the runs of a row.

The figures lie in ``landscape.json`` of a run's folder, where ``landscape=final`` and ``homotopy-landscape`` leave
them. What is damaged there is as if it had not been measured: the report stands without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from homotopy_bench.core import statistics
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.inert import LONGEST_NAME, shortened
from homotopy_bench.tracking.kept_measurements import REVISIONS, read_entries

MOST_METRICS = 200
"""Most metrics that are read of a run."""

LARGEST = 1e150
"""Figures from here on, whose squares are no numbers any more, are as if they had not been measured."""


@dataclass(frozen=True)
class Where:
    """Say on what figures were measured: figures compare where this agrees."""

    split: str
    samples: int
    mode: str


@dataclass(frozen=True)
class LandscapeMean:
    """Hold the mean of a figure over the runs of a row that have it, and its standard deviation (ddof = 1)."""

    mean: float
    std: float | None
    runs: int


Figures = Mapping[Where, Mapping[str, float]]
"""Where -> name -> value, of one run at t = 1."""


def read_landscape(folder: Path) -> Figures:
    """Return the last figures of a run's target network; none where nothing whole is there.

    Those of an earlier state of it do not count, nor what lies between it and another run.
    """
    try:
        entries = read_entries(folder)
    except InputError:
        return {}
    at_target = [(where, entry) for entry in entries if (where := _where(entry["of"])) is not None]
    last = {where.split: entry["of"].get("state") for where, entry in at_target}
    found: dict[Where, dict[str, float]] = {}
    for where, entry in at_target:
        if entry["of"].get("state") != last[where.split]:
            continue
        own = found.setdefault(where, {})
        for name, result in list(entry["result"].items())[:MOST_METRICS]:
            value = result.get("value") if isinstance(result, dict) else None
            if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST:
                own[shortened(str(name), LONGEST_NAME)] = float(value)
    return found


def landscape_means(runs: Iterable[Figures]) -> dict[str, dict[str, LandscapeMean]]:
    """Return split -> name -> mean over runs, measured as the most of them were.

    Example:
        >>> where = Where("test", 1000, "fast")
        >>> landscape_means([{where: {"trace": 1.0}}, {where: {"trace": 3.0}}])["test"]["trace"].mean
        2.0
    """
    of_runs = list(runs)
    means: dict[str, dict[str, LandscapeMean]] = {}
    for where in _usual([where for figures in of_runs for where in figures]):
        values: dict[str, list[float]] = {}
        for figures in of_runs:
            for name, value in figures.get(where, {}).items():
                values.setdefault(name, []).append(value)
        means[where.split] = {name: _mean(own) for name, own in values.items()}
    return means


def _usual(wheres: Sequence[Where]) -> list[Where]:
    """Return for each split the most frequent way of measuring; of equally frequent ones that with most samples."""
    chosen: dict[str, Where] = {}
    for where in sorted(set(wheres), key=lambda one: (wheres.count(one), one.samples, one.mode)):
        chosen[where.split] = where
    return sorted(chosen.values(), key=lambda one: one.split, reverse=True)


def _mean(values: Sequence[float]) -> LandscapeMean:
    mean = statistics.mean(values)
    assert mean is not None, "a figure is there because a run has it"
    return LandscapeMean(mean, statistics.standard_deviation(values), len(values))


def _where(of: Mapping[str, object]) -> Where | None:
    """Return on what a target network was measured; None for a network on the path, a pair, and what is damaged.

    So it is for what an earlier version measured under a name that means something else now.
    """
    metric = str(of.get("metric"))
    if of.get("t") != 1.0 or metric.startswith("pair/") or of.get("revision") != REVISIONS.get(metric):
        return None
    split, samples, mode = of.get("split"), of.get("samples"), of.get("mode")
    if split in ("train", "test") and isinstance(samples, int) and mode in ("fast", "full"):
        return Where(str(split), samples, str(mode))
    return None
