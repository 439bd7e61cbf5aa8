"""Pruning: accuracies at t = 1 are compared, and a trial on its path is compared with its peers alone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

from homotopy_bench.sweeps.launchers.job import pruning
from homotopy_bench.sweeps.studies.outcome import Outcome
from homotopy_bench.sweeps.studies.peers import ENOUGH, SAME_T
from homotopy_bench.sweeps.studies.pruners import first_epoch
from homotopy_bench.sweeps.studies.reporting import Reporter
from tests.sweeps.studies import NUMBERS, FormulaStudy

EPOCHS = 20
SAMPLES = 400
PRUNERS = ("median", "successive_halving", "hyperband", "wilcoxon")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def lines(quality: float, warm_up: int) -> list[dict[str, Any]]:
    """The evaluations of a trial that arrives at t = 1 after so many epochs, where its accuracy jumps up."""
    return [
        {
            "epoch": epoch,
            "t": min(epoch / warm_up, 1.0) if warm_up else 1.0,
            "val_acc_path": quality * (0.5 + 0.5 * epoch / EPOCHS),
            "val_acc_target": quality * epoch / EPOCHS if epoch >= warm_up else 0.1,
        }
        for epoch in range(1, EPOCHS + 1)
    ]


class PrunedStudy(FormulaStudy):
    """Runs trials of given quality one after the other, as the training loop would."""

    def __init__(self, folder: Path, pruner: str, **changed: Any) -> None:
        super().__init__(folder, NUMBERS, pruner=pruner, sampler="random", n_trials=100, **changed)
        self.folder = folder

    def train(self, quality: float, warm_up: int) -> int:
        """Return the epoch at which a trial was ended."""
        claim = self.claim()
        assert claim is not None
        reports = Reporter(self.options.model_copy(update={"trial": claim.number}), self.folder, EPOCHS)
        evaluations = lines(quality, warm_up)
        for line in evaluations[:-1]:
            if reports.report(line, SAMPLES):
                self.trials.settle(claim, Outcome("pruned", None, None, {}, ()))
                return int(line["epoch"])
        path = tuple((one["epoch"], one["t"], one["val_acc_path"]) for one in evaluations if one["t"] < 1.0)
        self.trials.settle(claim, Outcome("completed", None, (evaluations[-1]["val_acc_target"],), {}, path))
        return EPOCHS


def interrupted(folder: Path) -> tuple[Reporter, Reporter]:
    """The reporters of two workers that train one trial after each other, in a study of eight others."""
    study = PrunedStudy(folder, "median")
    for index in range(8):
        study.train(0.6 + 0.01 * index, warm_up=0)
    claim = study.claim()
    assert claim is not None
    options = study.options.model_copy(update={"trial": claim.number})
    return Reporter(options, folder, EPOCHS), Reporter(options, folder, EPOCHS)


@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_bad_trial_is_ended_and_a_good_one_is_not(pruner: str, tmp_path: Path) -> None:
    study = PrunedStudy(tmp_path, pruner)
    for index in range(8):
        study.train(0.6 + 0.01 * index, warm_up=0)
    assert study.train(0.9, warm_up=0) == EPOCHS
    ends = [study.train(0.1, warm_up=0) for _ in range(3)]  # one may be alone in its bracket of hyperband
    assert min(ends) < EPOCHS
    states = [trial.state for trial in study.ended()[9:]]
    assert states == [TrialState.COMPLETE if end == EPOCHS else TrialState.PRUNED for end in ends]


@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_trial_is_not_ended_for_being_early_on_its_path(pruner: str, tmp_path: Path) -> None:
    """Trials at t = 1 from the start are far better at every epoch at which this one is still on its way."""
    study = PrunedStudy(tmp_path, pruner)
    for index in range(8):
        study.train(0.5 + 0.01 * index, warm_up=0)
    assert study.train(0.8, warm_up=15) == EPOCHS
    assert len(study.ended()[-1].intermediate_values) == EPOCHS - 15


def test_a_trial_behind_its_peers_is_ended_on_its_path(tmp_path: Path) -> None:
    study = PrunedStudy(tmp_path, "median")
    for index in range(ENOUGH):
        study.train(0.5 + 0.01 * index, warm_up=15)
    assert study.train(0.1, warm_up=15) == first_epoch(EPOCHS)
    assert study.train(0.1, warm_up=4) >= 4  # nobody was as far at the same epoch
    assert study.train(0.9, warm_up=15) == EPOCHS


def test_the_rule_on_the_path_can_be_left_out(tmp_path: Path) -> None:
    study = PrunedStudy(tmp_path, "median", prune_on_path=False)
    for index in range(ENOUGH):
        study.train(0.5 + 0.01 * index, warm_up=15)
    assert study.train(0.1, warm_up=15) >= 15


def test_a_second_attempt_is_judged_by_its_own_accuracies(tmp_path: Path) -> None:
    """The first one had come further when its worker died, and was better."""
    first, second = interrupted(tmp_path)
    assert not any(first.report(line, SAMPLES) for line in lines(0.9, 0)[:15])
    ends = [line["epoch"] for line in lines(0.1, 0) if second.report(line, SAMPLES)]
    assert ends[0] == first_epoch(EPOCHS)


def test_a_trial_that_goes_on_is_judged_as_one_that_was_not_interrupted(tmp_path: Path) -> None:
    """Its best accuracy lies before its checkpoint."""
    first, second = interrupted(tmp_path)
    declining = [{**line, "val_acc_target": 0.9 - 0.02 * line["epoch"]} for line in lines(0.0, 0)]
    assert not any(first.report(line, SAMPLES) for line in declining[:10])
    assert not any(second.report(line, SAMPLES) for line in declining[10:-1])


def test_peers_are_as_far_at_the_same_epoch() -> None:
    from homotopy_bench.sweeps.studies.peers import behind_peers

    others = [[(5, 0.5, 0.6)]] * ENOUGH
    assert behind_peers(5, 0.5 + 0.99 * SAME_T, 0.5, SAMPLES, others)
    assert not behind_peers(5, 0.5 + 1.01 * SAME_T, 0.5, SAMPLES, others)
    assert not behind_peers(6, 0.5, 0.5, SAMPLES, others)
    assert not behind_peers(5, 0.5, 0.5, SAMPLES, others[1:])
    # sqrt(0.6 * 0.4 / 400) = 0.0245, sqrt(0.6 * 0.4 / 10000) = 0.0049
    assert [behind_peers(5, 0.5, 0.6 - d, SAMPLES, others) for d in (0.0, 0.048, 0.050)] == [False, False, True]
    assert [behind_peers(5, 0.5, 0.6 - d, 10_000, others) for d in (0.0, 0.009, 0.011)] == [False, False, True]


def test_only_the_job_of_a_trial_that_may_be_pruned_reports(tmp_path: Path) -> None:
    study = PrunedStudy(tmp_path, "median")
    claim = study.claim()
    assert claim is not None
    sweeper = {**study.options.model_dump(by_alias=True), "trial": claim.number}
    basic = {"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"}
    others = (sweeper, {**sweeper, "trial": None}, {**sweeper, "pruner": "none"}, basic)
    jobs = [OmegaConf.create({"sweeper": one, "sweep": {"dir": str(tmp_path)}}) for one in others]
    assert [pruning(one, EPOCHS) is not None for one in jobs] == [True, False, False, False]


def test_a_storage_that_is_gone_ends_no_training(tmp_path: Path) -> None:
    study = PrunedStudy(tmp_path, "median")
    claim = study.claim()
    assert claim is not None
    reports = Reporter(study.options.model_copy(update={"trial": claim.number}), tmp_path, EPOCHS)
    (tmp_path / "study.journal").unlink()
    assert not reports.report(lines(0.5, 0)[3], SAMPLES)
