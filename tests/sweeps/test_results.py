"""The best of a study: one trial, or those that no other is better than in everything."""

from __future__ import annotations

import csv
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from homotopy_bench.config.compose import experiment_file
from homotopy_bench.sweeps.studies.outcome import RESULT, RUN, Outcome
from homotopy_bench.sweeps.studies.results import front, write_setting, write_table
from tests.composing import compose
from tests.sweeps.studies import NUMBERS, FormulaStudy

# Accuracy, cost, and whether nothing is better in both.
TRIALS = ((0.5, 10.0, True), (0.7, 30.0, True), (0.6, 40.0, False), (0.7, 35.0, False), (0.4, 9.0, True))


def test_the_front_is_what_nothing_dominates(tmp_path: Path) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    objectives = ["val_acc", "forward_equivalents"]
    study = FormulaStudy(tmp_path, NUMBERS, storage="memory", objectives=objectives, sampler="random")
    for accuracy, cost, _ in (*TRIALS, (0.9, 1.0, False)):
        claim = study.claim()
        assert claim is not None
        status = "diverged" if accuracy == 0.9 else "completed"  # a broken network is no bargain
        study.trials.settle(claim, Outcome(status, None, (accuracy, cost), {"train_seconds": 1.0}, ()))
    expected = [number for number, (_, _, best) in enumerate(TRIALS) if best]
    assert sorted(trial.number for trial in front(study.ended(), objectives)) == expected
    assert front(study.ended(), objectives)[0].number == 1  # the best in the first objective
    write_table(study.ended(), objectives, tmp_path / "trials.csv")
    with (tmp_path / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows if row["best"] == "1"] == [str(number) for number in expected]
    assert [float(row["forward_equivalents"]) for row in rows] == [*(cost for _, cost, _ in TRIALS), 1.0]


def test_no_cell_of_the_table_is_a_formula_or_acts(tmp_path: Path) -> None:
    texts = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "a\x1b[31m\n=2", "plain")
    kept = [f"'{text}" if text[0] in "=+-@" else text for text in texts]
    shown = [text.replace("\t", r"\t").replace("\x1b", r"\x1b").replace("\n", r"\n") for text in kept]
    trials = [
        create_trial(
            params={"=key": text, "lr": -0.5},
            distributions={"=key": CategoricalDistribution(texts), "lr": FloatDistribution(-1.0, 1.0)},
            state=TrialState.FAIL,
            user_attrs={RESULT: {"status": "failed", "reason": text, "cost": {}, "path": []}, RUN: {"folder": text}},
        )
        for text in texts
    ]
    write_table(trials, ["val_acc"], tmp_path / "trials.csv")
    with (tmp_path / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["'=key"] for row in rows] == [row["reason"] for row in rows] == [row["folder"] for row in rows] == shown
    assert {row["lr"] for row in rows} == {"-0.5"}


def test_a_line_about_a_setting_stays_a_comment(tmp_path: Path) -> None:
    config = compose()
    write_setting(config, "study a\nseed: 7", tmp_path / "best.yaml")
    assert compose(experiment_file(f"experiment={tmp_path / 'best.yaml'}")) == config


SETTINGS = (
    ("method=identity_homotopy", "continuation=adaptive", "model.init=kaiming"),
    ("method=hta", "model.batchnorm=true", "model=vgg11", "dataset=cifar10", "method.split=channels"),
    ("method=curvature_lr", "lr_schedule@lr_schedule.base=warmup_cosine", "optimizer=adam"),
    ("method=identity_homotopy", "continuation=constant", "optimizer=sgd", "training.clip_norm=null"),
    ("method=convexity_annealing", "experiment=convexity_annealing_shared"),
)


@pytest.mark.parametrize("overrides", SETTINGS, ids=[" ".join(one) for one in SETTINGS])
def test_a_setting_written_down_is_the_same_setting(overrides: tuple[str, ...], tmp_path: Path) -> None:
    config = compose(*overrides, "seed=1000")
    write_setting(config, "of a test", tmp_path / "best.yaml")
    again = compose(experiment_file(f"experiment={tmp_path / 'best.yaml'}"), "seed=1000")
    assert again == config
