"""Studies whose trials are formulas, so that what a sweep does between two trainings is seen alone."""

from __future__ import annotations

from collections.abc import Mapping
from math import log10
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial
from sqlalchemy.pool import NullPool, Pool

from homotopy_bench.sweeps.studies.options import StudyOptions
from homotopy_bench.sweeps.studies.outcome import Outcome
from homotopy_bench.sweeps.studies.samplers import ForTrial, samplers
from homotopy_bench.sweeps.studies.space import Space, read_space
from homotopy_bench.sweeps.studies.storage import open_storage
from homotopy_bench.sweeps.studies.study import Claim, Trials

NUMBERS: Mapping[str, Any] = {"optimizer.lr": "tag(log,interval(1e-4,1e-2))", "training.epochs": "range(10,60,10)"}
MIXED: Mapping[str, Any] = {
    "method": "choice(hta,baseline)",
    "optimizer.lr": "tag(log,interval(1e-4,1e-2))",
    "method.anchor": {"values": "interval(0.5,2)", "when": "method=hta"},
}

SAMPLERS = ("tpe", "gp", "cmaes", "qmc", "random", "grid")


def space_for(sampler: str) -> Mapping[str, Any]:
    """A space that a sampler can search."""
    grid = {"optimizer.lr": "choice(1e-4,1e-3,1e-2)", "training.epochs": "range(10,60,10)"}
    return {"grid": grid, "cmaes": NUMBERS}.get(sampler, MIXED)


def options(**changed: Any) -> StudyOptions:
    values: dict[str, Any] = {
        "_target_": "", "space": "test", "study": "test", "folder": "test", "params": {}, "n_trials": 24, "batch": 4,
        "sampler": "tpe", "seed": 0, "startup_trials": 8, "pruner": "none", "prune_on_path": True,
        "objectives": ["val_acc"], "training_seed": 1000, "storage": None, "lease": 60.0, "patience": 5.0,
        "trial": None,
    }  # fmt: skip
    return StudyOptions.model_validate({**values, **changed})


def lookup(overrides: Any, key: str) -> str:
    """The configuration of these tests is what has been sampled."""
    return str(dict(one.split("=", 1) for one in overrides)[key])


class FormulaStudy:
    """A worker of a study whose accuracies are a formula of the parameters.

    Whoever lets it keep its ``connections`` in a pool, as workers do, closes them: a connection to MySQL takes longer
    than what is asked through it.
    """

    def __init__(
        self, folder: Path, params: Mapping[str, Any], *, connections: type[Pool] = NullPool, **changed: Any
    ) -> None:
        self.options = options(**changed)
        self.begun: list[str] = []
        """Overrides of the run that is in the folder of a trial that is given back."""
        self.space: Space = read_space(params, [])
        self.for_trial: ForTrial
        self.for_trial, self.total = samplers(self.options, self.space)
        assert self.options.study is not None
        storage = open_storage(
            self.options.storage, self.options.study, folder, self.options.patience, connections=connections
        )
        self.trials = Trials(storage, self.options, folder, 20, lambda _, overrides: list(overrides) == self.begun)

    def claim(self) -> Claim | None:
        return self.trials.claim(self.total, self.for_trial, lambda trial: self.space.walk(trial, lookup))

    def settle(self, claim: Claim) -> None:
        self.trials.settle(claim, Outcome("completed", None, (accuracy(claim.overrides),), {}, ()))

    def run(self, stop_after: int = 1000) -> None:
        """Run batches until the study is full, or so many trials have been run here."""
        while stop_after > 0:
            batch: list[Claim] = []
            while len(batch) < self.options.batch and (claim := self.claim()) is not None:
                batch.append(claim)
            for claim in batch:
                self.settle(claim)
            stop_after -= len(batch)
            if not batch:
                return

    def ended(self) -> list[FrozenTrial]:
        return self.trials.all()

    def points(self) -> list[tuple[dict[str, Any], Any]]:
        return [(trial.params, trial.value) for trial in self.ended()]


def accuracy(overrides: Any) -> float:
    """A smooth hill over the learning rate; other parameters tilt it a little."""
    values = dict(one.split("=", 1) for one in overrides)
    hill = 0.7 - 0.1 * (log10(float(values["optimizer.lr"])) + 2.7) ** 2
    return hill + 0.001 * len(str(values.get("method", ""))) - 0.01 * float(values.get("method.anchor", 0.0))
