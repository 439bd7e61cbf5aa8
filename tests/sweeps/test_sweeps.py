"""Sweeps from the command line: they train, resume, survive a kill, and leave settings that can be used.

A real PostgreSQL with several workers is for ``.ci/run``: it needs a server, which a test of this suite does not start.
"""

from __future__ import annotations

import csv
import signal
from pathlib import Path

import pytest
import yaml

from tests.cli.runner import TINY, run_cli, run_until, summary, the_error_line

SMALL = (*TINY, "method=baseline", "training.epochs=2", "hydra.sweeper.study=s", "hydra.sweeper.batch=2")


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study of three trials."""
    cwd = tmp_path_factory.mktemp("sweep")
    done = run_cli("-m", "sweep=lr", *SMALL, "hydra.sweeper.n_trials=3", cwd=cwd)
    assert done.returncode == 0, done.stderr
    folder = cwd / "outputs" / "studies" / "s"
    assert "homotopy-train experiment=outputs/studies/s/best.yaml" in done.stdout
    assert "optuna-dashboard outputs/studies/s/study.journal" in done.stdout
    assert len(table(folder)) == 3
    return folder


def test_the_same_command_goes_on_to_a_larger_total(study: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in study.glob("[0-9]/*")}
    done = run_cli("sweep=lr", *SMALL, "hydra.sweeper.n_trials=4", cwd=study.parents[2])  # a space implies -m
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    rows = table(study)
    assert [row["number"] for row in rows] == ["0", "1", "2", "3"]
    assert [row["status"] for row in rows] == ["completed"] * 4
    for row in rows:
        record = summary(study / row["folder"])
        assert record["seed"] == 1000
        assert record["config"]["optimizer"]["lr"] == float(row["optimizer.lr"])
        assert record["final"]["val_acc_target"] == float(row["val_acc"])
    assert (study / "trials.png").stat().st_size > 5000


def test_the_best_setting_is_an_experiment(study: Path) -> None:
    best = max(table(study), key=lambda row: float(row["val_acc"]))
    assert best["best"] == "1"
    file = (study / "best.yaml").relative_to(study.parents[2])
    done = run_cli(f"experiment={file}", "seed=1000", "hydra.run.dir=again", cwd=study.parents[2])
    assert done.returncode == 0, done.stderr
    again, found = summary(study.parents[2] / "again"), summary(study / best["folder"])
    assert again["final"] == found["final"]
    assert again["config_hash"] == found["config_hash"]


WRONG = (
    (
        "sweep=lr optimizer.weight_decay=0.5",
        "hydra.sweeper.study=s: its setting is another: there -, here optimizer",
    ),
    ("hydra/sweeper=optuna optimizer.lrr=interval(1,2)", "optimizer.lrr=interval(1,2): no such key; did you mean"),
    ("sweep=lr hydra.sweeper.pruner=median training.eval_every=2", "hydra.sweeper.pruner=median: nothing is measured"),
    ("sweep=lr hydra.sweeper.storage=mysql+pymysql://u:s3cret@h/d", "hydra.sweeper.storage=mysql+pymysql://u:***@h/d"),
)


@pytest.mark.parametrize(("arguments", "begins"), WRONG, ids=[arguments for arguments, _ in WRONG])
def test_a_wrong_sweep_trains_nothing(arguments: str, begins: str, study: Path) -> None:
    before = sorted(study.rglob("*"))
    line = the_error_line(run_cli("-m", *SMALL, *arguments.split(), cwd=study.parents[2]))
    assert line.startswith(begins), line
    assert sorted(study.rglob("*")) == before


def test_how_trials_ended_is_told_apart(tmp_path: Path) -> None:
    arguments = ("optimizer=sgd", "optimizer.lr=choice(0.05,1e30)", "training.batch_size=choice(30,5000)")
    grid = ("hydra/sweeper=optuna", "hydra.sweeper.sampler=grid", "hydra.sweeper.batch=4")
    done = run_cli("-m", *SMALL[:-1], *grid, *arguments, cwd=tmp_path)
    assert done.returncode == 2  # that of the jobs that could not be run
    rows = table(tmp_path / "outputs" / "studies" / "s")
    assert [row["status"] for row in rows] == ["completed", "diverged", "failed", "failed"]
    assert [row["best"] for row in rows] == ["1", "0", "0", "0"]
    assert 0 <= float(rows[1]["val_acc"]) < 0.3
    assert rows[2]["reason"].startswith("training.batch_size=5000: ")
    assert rows[2]["val_acc"] == ""


def test_a_killed_sweep_runs_its_trial_again_at_once(tmp_path: Path) -> None:
    arguments = ("-m", "sweep=lr", *SMALL[:-1], "hydra.sweeper.batch=1", "hydra.sweeper.n_trials=2")
    killed = run_until("checkpoint.pt replaced 2", *arguments, cwd=tmp_path)  # in the second trial
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = run_cli(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "studies" / "s"
    rows = table(folder)
    assert [(row["status"], row["folder"], row["attempts"]) for row in rows] == [
        ("completed", "0", "1"),
        ("completed", "1_attempt2", "2"),
    ]
    hydra_config = yaml.safe_load((folder / "1_attempt2" / ".hydra" / "overrides.yaml").read_text())
    assert f"optimizer.lr={rows[1]['optimizer.lr']}" in hydra_config
