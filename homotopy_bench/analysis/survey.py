"""Measure many finished runs, those of one kind together, and keep every figure as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from homotopy_bench.analysis.finished import FinishedRun, grouped
from homotopy_bench.core.masking import error_line
from homotopy_bench.landscape.measure import Closeness, Metric
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.landscape.samples import draw_samples
from homotopy_bench.tracking.kept_measurements import KeptMeasurements, identity

MOST_BYTES = 4e9
"""Most memory for what a metric keeps of all networks that it measures together."""

KEPT_VECTORS = 120
"""Vectors of the size of theta that a metric keeps of each network: a basis of a Krylov space."""

Say = Callable[[str], None]
"""Takes a line on what is being done."""


M_co = TypeVar("M_co", covariant=True)


@dataclass(frozen=True)
class Plan(Generic[M_co]):
    """Say what is measured.

    Attributes:
        metrics: Name -> function.
        mode: How closely.
        splits: ``train``, ``test`` or both.
        samples: Most samples of a split; None for all.
    """

    metrics: Mapping[str, M_co]
    mode: Closeness
    splits: tuple[str, ...]
    samples: int | None


@dataclass(frozen=True)
class Figure:
    """Hold one value of one run, as :meth:`~homotopy_bench.landscape.measurement.Measurement.entry` has it."""

    run: FinishedRun
    split: str
    name: str
    entry: dict[str, Any]


def survey(runs: Sequence[FinishedRun], plan: Plan[Metric], say: Say = lambda _: None) -> list[Figure]:
    """Return the figures of all runs, measured where they are not kept.

    A metric that raises has no value for the runs that it measured, with the error as the reason; the others go on.

    Args:
        runs: The runs, of any kinds.
        plan: What is measured.
        say: Takes a line on what is being measured.

    Raises:
        InputError: If what was measured cannot be written, or what is kept is damaged.
    """
    found: list[Figure] = []
    for group in grouped(runs):
        for part in _parts(group):
            for split in plan.splits:
                found += _measure(part, split, plan, say)
    order = {run.folder: number for number, run in enumerate(runs)}
    return sorted(found, key=lambda figure: order[figure.run.folder])


def _parts(group: Sequence[FinishedRun]) -> Iterator[list[FinishedRun]]:
    """Yield a group in parts that fit into the memory."""
    parameters = sum(value.numel() for value in group[0].network.parameters())
    size = max(1, int(MOST_BYTES / (parameters * 4.0 * KEPT_VECTORS)))
    for begin in range(0, len(group), size):
        yield list(group[begin : begin + size])


def _measure(runs: Sequence[FinishedRun], split: str, plan: Plan[Metric], say: Say) -> list[Figure]:
    kept = [KeptMeasurements(run.folder) for run in runs]
    dtype = next(runs[0].network.parameters()).dtype
    samples = draw_samples(runs[0].splits, split, plan.samples, dtype)
    found: list[Figure] = []
    for metric in plan.metrics:
        names = [identity(metric, split, len(samples), plan.mode, run.state) for run in runs]
        values = [kept[row].get(name) for row, name in enumerate(names)]
        missing = [row for row, known in enumerate(values) if known is None]
        if missing:
            say(f"{metric} of {len(missing)} runs on {split} data")
            try:
                measured = _entries([runs[row] for row in missing], samples, plan.metrics[metric])
            except Exception as error:  # of this metric alone, and perhaps of this moment: it is not kept
                measured = [failed(metric, error)] * len(missing)
            else:
                for row, entries in zip(missing, measured, strict=True):
                    kept[row].put(names[row], entries)
                    kept[row].write()
            for row, entries in zip(missing, measured, strict=True):
                values[row] = entries
        for run, known in zip(runs, values, strict=True):
            found += [Figure(run, split, name, entry) for name, entry in (known or {}).items()]
    return found


def _entries(runs: Sequence[FinishedRun], samples: Samples, metric: Metric) -> list[dict[str, Any]]:
    """Return name -> entry of every run."""
    measured = metric(Networks.of([run.network for run in runs]), samples)
    return [{name: one.entry(row) for name, one in measured.items()} for row in range(len(runs))]


def failed(metric: str, error: Exception) -> dict[str, Any]:
    """Return the entry of a metric that raised: no value, and the error as the reason."""
    return {metric: {"value": None, "error": None, "converged": False, "reason": error_line(error)}}
