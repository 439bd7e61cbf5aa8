"""The search for a contender's setting: two rounds on validation accuracy at t = 1, the same budget for everyone.

Round one trains every setting with one seed; round two trains the best of them with more seeds. The setting with the
best mean over all its seeds is chosen. All trainings of a round run as one ensemble. Tuning seeds begin at 1000;
reports use 0, 1, 2, ...
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from homotopy_bench.config.compose import compose
from homotopy_bench.core.files import write_atomically
from homotopy_bench.training.trainer import Trainer
from reproductions.space import Range, settings

FIRST_SEED = 1000


@dataclass(frozen=True)
class Contender:
    """One row of a study's table: a name, the overrides that make it, and what of it is searched."""

    name: str
    overrides: tuple[str, ...]
    space: tuple[Range, ...]


@dataclass(frozen=True)
class Budget:
    """What every contender may spend: settings in round one, how many go on, seeds they get in round two."""

    settings: int = 8
    finalists: int = 3
    seeds: int = 2

    def trainings(self) -> int:
        """Return the number of trainings in all."""
        return self.settings + self.finalists * self.seeds


@dataclass(frozen=True)
class Trial:
    """One setting: its overrides and its validation accuracies at t = 1 by seed, as fractions."""

    overrides: tuple[str, ...]
    accuracies: dict[str, float]

    def mean(self) -> float:
        """Return the mean accuracy over the seeds."""
        return fmean(self.accuracies.values())


def search(contender: Contender, budget: Budget, file: Path) -> list[Trial]:
    """Return the trials of a contender, best first; those with more seeds come before the others.

    Args:
        contender: Who searches.
        budget: What it may spend.
        file: Where the trials are kept; an existing file is read instead of searching again.

    Returns:
        The trials; the first is the chosen one.

    Raises:
        SystemExit: If the file holds the search of another budget, or of another contender of this name.
    """
    described = json.loads(json.dumps(_description(contender, budget)))
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if any(kept.get(key) != value for key, value in described.items()):
            raise SystemExit(f"{file}: another search; give another --outputs")
        return [Trial(tuple(one["overrides"]), one["accuracies"]) for one in kept["trials"]]
    candidates = settings(contender.space, budget.settings)
    first = str(FIRST_SEED)
    scores = accuracies([(*contender.overrides, *setting, f"seed={first}") for setting in candidates])
    trials = [Trial(setting, {first: score}) for setting, score in zip(candidates, scores, strict=True)]
    trials.sort(key=Trial.mean, reverse=True)
    finalists, others = trials[: budget.finalists], trials[budget.finalists :]
    seeds = [str(FIRST_SEED + 1 + index) for index in range(budget.seeds)]
    members = [(trial, seed) for trial in finalists for seed in seeds]
    scores = accuracies([(*contender.overrides, *trial.overrides, f"seed={seed}") for trial, seed in members])
    for (trial, seed), score in zip(members, scores, strict=True):
        trial.accuracies[seed] = score
    ranked = sorted(finalists, key=Trial.mean, reverse=True) + others
    document = {**described, "trials": [asdict(trial) for trial in ranked]}
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(document, indent=2).encode() + b"\n")
    return ranked


def _description(contender: Contender, budget: Budget) -> dict[str, Any]:
    return {
        "contender": contender.name,
        "overrides": contender.overrides,
        "space": [asdict(one) for one in contender.space],
        "budget": asdict(budget),
    }


def accuracies(members: Sequence[Sequence[str]]) -> list[float]:
    """Return the validation accuracies at t = 1, after the last step, of members trained as one ensemble."""
    configs = [compose(*overrides) for overrides in members]
    torch.set_num_threads(configs[0].hardware.threads)
    training = Trainer(configs, configs[0].dataset.load(configs[0].paths.data_root()))
    while training.step < training.total_steps:
        training.advance()
    with training.at_target():
        return [score.accuracy for score in training.evaluate("validation")]
