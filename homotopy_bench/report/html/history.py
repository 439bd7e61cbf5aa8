"""Read the evaluations of a run with what they had cost, for the curves of a page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from homotopy_bench.core.files import DamagedFile
from homotopy_bench.report.runs import Run
from homotopy_bench.report.structure import Row
from homotopy_bench.tracking.record import read_metrics


class Evaluation(NamedTuple):
    """Hold one evaluation; nan where the record lacks a value.

    ``target`` and ``path`` are validation accuracies of the network at t = 1 and at t, as fractions; the cost is
    that of training up to here.
    """

    epoch: float
    gradients: float
    forward_equivalents: float
    seconds: float
    t: float
    target: float
    path: float


@dataclass(frozen=True)
class History:
    """Hold the evaluations of a run, and whether it diverged."""

    seed: int
    diverged: bool
    evaluations: tuple[Evaluation, ...]


def read_history(run: Run) -> History:
    """Return the history of a run; empty where ``metrics.jsonl`` is damaged, as notes of the report say."""
    evaluations: tuple[Evaluation, ...] = ()
    if not run.damage:
        try:
            evaluations = tuple(_evaluation(line) for line in read_metrics(run.path / "metrics.jsonl"))
        except (OSError, DamagedFile):  # it has changed since the report read it
            evaluations = ()
    return History(run.seed, run.status == "diverged", evaluations)


def histories_of(row: Row, histories: Mapping[str, History]) -> list[History]:
    """Return the histories of a row's runs that have any evaluation, in the order of its seeds."""
    return [found for path in row.paths if (found := histories[path]).evaluations]


def read_histories(runs: Sequence[Run]) -> dict[str, History]:
    """Return folder -> history for every run."""
    return {str(Path(run.path)): read_history(run) for run in runs}


def mean_history(histories: Sequence[History]) -> list[Evaluation]:
    """Return the means over runs of accuracy, cost and t at every epoch that all of them evaluated."""
    by_epoch = [{one.epoch: one for one in history.evaluations} for history in histories]
    shared = sorted(set.intersection(*(set(one) for one in by_epoch))) if by_epoch else []
    count = len(by_epoch)
    means = [
        Evaluation(*(math.fsum(values) / count for values in zip(*(run[epoch] for run in by_epoch), strict=True)))
        for epoch in shared
    ]
    return [mean._replace(epoch=epoch) for mean, epoch in zip(means, shared, strict=True)]  # exactly


def _evaluation(line: Mapping[str, object]) -> Evaluation:
    found = line.get("cost")
    cost: Mapping[str, object] = found if isinstance(found, Mapping) else {}
    return Evaluation(
        epoch=_number(line.get("epoch")),
        gradients=_paid(cost.get("gradient_evaluations")),
        forward_equivalents=_paid(cost.get("forward_equivalents")),
        seconds=_number(cost.get("train_seconds")),
        t=_number(line.get("t")),
        target=_number(line.get("val_acc_target")),
        path=_number(line.get("val_acc_path")),
    )


def _paid(value: object) -> float:
    """Return a cost; an evaluation that cost nothing, which none can, has an unknown one."""
    cost = _number(value)
    return cost if cost > 0.0 else math.nan


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e300 else math.nan
