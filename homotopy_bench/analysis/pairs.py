"""Measure between finished runs, all pairs of one kind together, and keep every figure as soon as it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from homotopy_bench.analysis.finished import FinishedRun, grouped
from homotopy_bench.analysis.survey import Plan, Say, failed
from homotopy_bench.landscape.connectivity.chords import all_pairs
from homotopy_bench.landscape.connectivity.compare import PairMetric, Pairs
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.landscape.samples import draw_samples
from homotopy_bench.tracking.kept_measurements import KeptMeasurements, identity

Which = Literal["all", "by-seed"]
"""All pairs of a kind, or those of equal seeds."""


PairPlan = Plan[PairMetric]
"""What is measured of pairs."""


@dataclass(frozen=True)
class PairFigure:
    """Hold one value of two runs."""

    first: FinishedRun
    second: FinishedRun
    split: str
    name: str
    entry: dict[str, Any]


def chosen_pairs(runs: Sequence[FinishedRun], which: Which) -> list[tuple[FinishedRun, FinishedRun]]:
    """Return the pairs of runs of one kind; those of another kind than all others are in none."""
    found = []
    for group in grouped(runs):
        for i, j in all_pairs(len(group)):
            if which == "all" or group[i].config.seed == group[j].config.seed:
                found.append((group[i], group[j]))
    return found


def survey_pairs(
    pairs: Sequence[tuple[FinishedRun, FinishedRun]], plan: PairPlan, say: Say = lambda _: None
) -> list[PairFigure]:
    """Return the figures of pairs of runs, measured where they are not kept in the folder of the first.

    A metric that raises has no value for the pairs that it measured, with the error as the reason; the others go on.

    Args:
        pairs: Pairs of runs, each of one kind.
        plan: What is measured.
        say: Takes a line on what is being measured.

    Raises:
        InputError: If what was measured cannot be written, or what is kept is damaged.
    """
    by_kind: dict[tuple[object, ...], list[tuple[FinishedRun, FinishedRun]]] = {}
    for pair in pairs:
        by_kind.setdefault(pair[0].kind, []).append(pair)
    found: list[PairFigure] = []
    for group in by_kind.values():
        found += _measure(group, plan, say)
    return found


def _measure(pairs: Sequence[tuple[FinishedRun, FinishedRun]], plan: PairPlan, say: Say) -> list[PairFigure]:
    kept = {pair[0].folder: KeptMeasurements(pair[0].folder) for pair in pairs}
    first = pairs[0][0]
    dtype = next(first.network.parameters()).dtype
    data = {split: draw_samples(first.splits, split, plan.samples, dtype) for split in {*plan.splits, "train"}}
    found: list[PairFigure] = []
    common: dict[tuple[int, ...], _Shared] = {}
    for metric, function in plan.metrics.items():
        for split in plan.splits:
            # Statistics and curves of a path come from training data, whatever split it is measured on.
            learnt = {} if split == "train" else {"train_samples": len(data["train"])}
            names = [
                identity(f"pair/{metric}", split, len(data[split]), plan.mode, f"{one.state}-{other.state}") | learnt
                for one, other in pairs
            ]
            values = [kept[one.folder].get(name) for (one, _), name in zip(pairs, names, strict=True)]
            missing = [number for number, known in enumerate(values) if known is None]
            if missing:
                say(f"{metric} between {len(missing)} pairs of runs on {split} data")
                own = [pairs[number] for number in missing]
                shared = common.setdefault(tuple(missing), _Shared(own, data["train"]))
                try:
                    measured = _entries(shared, function, data[split])
                except Exception as error:  # of this metric alone, and perhaps of this moment: it is not kept
                    measured = [failed(metric, error)] * len(missing)
                else:
                    for number, entries in zip(missing, measured, strict=True):
                        kept[pairs[number][0].folder].put(names[number], entries)
                    for folder in {pairs[number][0].folder for number in missing}:
                        kept[folder].write()
                for number, entries in zip(missing, measured, strict=True):
                    values[number] = entries
            for (one, other), known in zip(pairs, values, strict=True):
                found += [PairFigure(one, other, split, name, entry) for name, entry in (known or {}).items()]
    return found


class _Shared:
    """Hold what all metrics need of some pairs, built when it is first asked for: matching takes longest.

    Args:
        pairs: The pairs of runs.
        train: Training samples.
    """

    def __init__(self, pairs: Sequence[tuple[FinishedRun, FinishedRun]], train: Samples) -> None:
        self.number = len(pairs)
        self._pairs, self._train = pairs, train

    @cached_property
    def pairs(self) -> Pairs:
        """The pairs as rows of networks."""
        runs = list({run.folder: run for pair in self._pairs for run in pair}.values())
        rows = {run.folder: row for row, run in enumerate(runs)}
        networks = Networks.of([run.network for run in runs])
        return Pairs(networks, [(rows[one.folder], rows[other.folder]) for one, other in self._pairs], self._train)


def _entries(shared: _Shared, function: PairMetric, samples: Samples) -> list[dict[str, Any]]:
    """Return name -> entry of every pair."""
    measured = function(shared.pairs, samples)
    return [{name: one.entry(row) for name, one in measured.items()} for row in range(shared.number)]
