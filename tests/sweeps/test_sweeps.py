"""Sweeps from the command line: they train, resume, survive a kill, and leave settings that can be used."""

from __future__ import annotations

import csv
import signal
import sys
from pathlib import Path

import pytest
import yaml

from homotopy_bench.cli.train import main
from homotopy_bench.core.tuning_budget import TuningBudget, budget_of
from homotopy_bench.report.studies import Study, read_studies
from tests.cli.runner import TINY, call_main, run_until, summary, the_error_line
from tests.runs.records import assert_close

SMALL = (*TINY, "method=baseline", "training.epochs=2", "hydra.sweeper.study=s", "hydra.sweeper.batch=2")
DOUBLE = "hardware.dtype=float64"
"""Alone and beside another trial a run has the same figures up to rounding, which in float64 changes no prediction."""


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study of three trials."""
    cwd = tmp_path_factory.mktemp("sweep")
    done = call_main("-m", "sweep=lr", DOUBLE, *SMALL, "hydra.sweeper.n_trials=3", cwd=cwd)
    assert done.returncode == 0, done.stderr
    folder = cwd / "outputs" / "studies" / "s"
    assert "homotopy-train experiment=outputs/studies/s/best.yaml" in done.stdout
    assert "optuna-dashboard outputs/studies/s/study.journal" in done.stdout
    assert "hydra.sweeper.sampler=tpe will not learn: its first 10 trials" in done.stdout
    assert len(table(folder)) == 3
    return folder


def test_the_same_command_goes_on_to_a_larger_total(study: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in study.glob("[0-9]/*")}
    done = call_main("sweep=lr", DOUBLE, *SMALL, "hydra.sweeper.n_trials=4", cwd=study.parents[2])  # a space implies -m
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


def test_the_report_reads_of_the_records_what_the_study_says_of_its_trials(study: Path) -> None:
    (found,) = read_studies([study.parents[1]])
    assert isinstance(found, Study)
    rows = table(study)
    assert (found.name, found.sampler, found.choice, found.asked) == ("s", "tpe", "sobol", len(rows))
    assert [str(trial.number) for trial in found.trials] == [row["number"] for row in rows]
    assert [trial.status for trial in found.trials] == [row["status"] for row in rows]
    assert [trial.val_acc for trial in found.trials] == [float(row["val_acc"]) for row in rows]
    assert [trial.learning_rate for trial in found.trials] == [float(row["optimizer.lr"]) for row in rows]
    assert [trial.gradients for trial in found.trials] == [float(row["gradient_evaluations"]) for row in rows]
    assert found.best is not None
    assert [str(found.best.number)] == [row["number"] for row in rows if row["best"] == "1"]


def test_the_best_setting_is_an_experiment(study: Path) -> None:
    best = max(table(study), key=lambda row: float(row["val_acc"]))
    assert best["best"] == "1"
    file = (study / "best.yaml").relative_to(study.parents[2])
    done = call_main(f"experiment={file}", DOUBLE, "seed=1000", "hydra.run.dir=again", cwd=study.parents[2])
    assert done.returncode == 0, done.stderr
    again, found = summary(study.parents[2] / "again"), summary(study / best["folder"])
    assert_close(again["final"], found["final"])
    assert again["config_hash"] == found["config_hash"]
    assert budget_of(again["overrides"]) == TuningBudget(len(table(study)), len(table(study)))


WRONG = (
    (
        "sweep=lr optimizer.weight_decay=0.5",
        "hydra.sweeper.study=s: its setting is another: there -, here optimizer",
    ),
    ("hydra/sweeper=optuna optimizer.lrr=interval(1,2)", "optimizer.lrr=interval(1,2): no such key; did you mean"),
    ("sweep=lr hydra.sweeper.pruner=median training.eval_every=2", "hydra.sweeper.pruner=median: nothing is measured"),
    ("sweep=lr hydra.sweeper.storage=mysql+pymysql://u:s3cret@h/d", "hydra.sweeper.storage=mysql+pymysql://u:***@h/d"),
)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder; what locks leave behind is nobody's work."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.parametrize(("arguments", "begins"), WRONG, ids=[arguments for arguments, _ in WRONG])
def test_a_wrong_sweep_trains_nothing(arguments: str, begins: str, study: Path) -> None:
    before = contents(study.parents[2])
    line = the_error_line(call_main("-m", *SMALL, *arguments.split(), cwd=study.parents[2]))
    assert line.startswith(begins), line
    assert contents(study.parents[2]) == before


OPTUNA = "hydra/sweeper=optuna"

# The same in this process, which is faster: the arguments, what the line begins with, and what else it says.
REFUSED = (
    (OPTUNA, "hydra.sweeper.params={}: nothing to search", "accepted: sweep=NAME or KEY=SWEEP"),
    (f"{OPTUNA} optimizer.lr=interval(-1,1)", "optimizer.lr=-1.0: ", "accepted: a number > 0"),
    (f"{OPTUNA} optimizer.lr=interval(1,0.1)", "optimizer.lr=interval(1,0.1): ", "accepted: choice(a,b)"),
    (f"{OPTUNA} training.epochs=choice(2,two)", "training.epochs=two: ", "accepted: an integer >= 1"),
    (
        "sweep=lr_warmup",
        "hydra.sweeper.study=s: its search space is another: ",
        "accepted: another hydra.sweeper.study",
    ),
    ("sweep=lr hydra.sweeper.sampler=qmc", "hydra.sweeper.study=s: its sampler is another: ", "accepted: another"),
    ("sweep=lr hydra.sweeper.pruner=median", "hydra.sweeper.study=s: its pruner is another: ", "accepted: another"),
    (
        "sweep=lr hydra.sweeper.objectives=[val_acc,train_seconds]",
        "hydra.sweeper.study=s: its objective is another: ",
        "accepted: another",
    ),
    ("sweep=lr seed=3", "seed=3: ", "accepted: an integer >= 1000"),
    (
        "sweep=lr hydra.sweeper.pruner=median hydra.sweeper.storage=memory",
        "hydra.sweeper.pruner=median: a job cannot report to hydra.sweeper.storage=memory",
        "accepted: none",
    ),
    ("sweep=lr hydra.sweeper.storage=nonsense", "hydra.sweeper.storage=nonsense: ", "accepted: null for a journal"),
    (
        "sweep=lr hydra.sweeper.storage=sqlite:///no.db",
        "hydra.sweeper.storage=sqlite:///no.db: cannot be opened (file is not a database)",
        "accepted: null for a journal",
    ),
    (
        "sweep=lr hydra.sweeper.storage=no.journal",
        "hydra.sweeper.storage=no.journal: this is no journal of Optuna",
        "accepted: null for a journal",
    ),
    ("sweep=lr hydra.sweeper.n_trials=0", "hydra.sweeper.n_trials=0: ", "accepted: an integer >= 1"),
    ("sweep=lr hydra.sweeper.sampler=tpee", "hydra.sweeper.sampler=tpee: ", "accepted: tpe, gp, cmaes"),
    ("sweep=lr hydra.sweeper.patience=-1", "hydra.sweeper.patience=-1", "accepted: a number >= 0"),
    ("sweep=lr hydra.sweeper.folder=no.db", "hydra.sweeper.folder=no.db: ", "accepted: a folder that can be made"),
    ("sweep=lr hydra.sweeper.folder=/proc/x", "hydra.sweeper.folder=/proc/x: ", "accepted: a folder that can be made"),
    (
        "sweep=lr hydra.sweeper.storage=postgresql://u:s3cret@${oc.env:HOST,h}/d",
        "hydra.sweeper.storage=postgresql://u:***@${oc.env:HOST,h}/d: credentials here would be kept",
        "accepted: none here but PGPASSWORD",
    ),
    (
        "sweep=lr hydra.sweeper.storage=postgresql://u:s3@cret@h/d",
        "hydra.sweeper.storage=postgresql://u:***@h/d: credentials here would be kept",
        "accepted: none here but PGPASSWORD",
    ),
)


@pytest.mark.parametrize(("arguments", "begins", "says"), REFUSED, ids=[one[0] for one in REFUSED])
def test_a_sweep_that_is_refused_loses_nothing(
    arguments: str,
    begins: str,
    says: str,
    study: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cwd = study.parents[2]
    (cwd / "no.db").write_text("no database\n" * 200)
    (cwd / "no.journal").write_text("no\njournal\n")
    monkeypatch.chdir(cwd)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr(sys, "argv", ["homotopy-train", "-m", *SMALL, *arguments.split()])
    before = contents(cwd)
    assert main() == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert line.startswith(f"homotopy-train: {begins}"), line
    assert says in line
    assert "s3cret" not in out + err
    assert contents(cwd) == before


def test_a_smaller_total_than_there_is_takes_nothing_away(study: Path) -> None:
    before = contents(study)
    done = call_main("-m", "sweep=lr", DOUBLE, *SMALL, "hydra.sweeper.n_trials=1", cwd=study.parents[2])
    assert done.returncode == 0, done.stderr
    after = contents(study)
    assert after["study.journal"].startswith(before["study.journal"])
    changed = {name for name in before if after[name] != before[name]}
    assert changed <= {"study.journal", "multirun.yaml"}  # a sign of life, and the command itself


def test_how_trials_ended_is_told_apart(tmp_path: Path) -> None:
    arguments = ("optimizer=sgd", "optimizer.lr=choice(0.05,1e30)", "training.batch_size=choice(30,5000)")
    grid = ("hydra/sweeper=optuna", "hydra.sweeper.sampler=grid", "hydra.sweeper.batch=4")
    done = call_main("-m", *SMALL[:-1], *grid, *arguments, cwd=tmp_path)
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
    done = call_main(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "studies" / "s"
    rows = table(folder)
    assert [(row["status"], row["folder"], row["attempts"]) for row in rows] == [
        ("completed", "0", "1"),
        ("completed", "1_attempt2", "2"),
    ]
    hydra_config = yaml.safe_load((folder / "1_attempt2" / ".hydra" / "overrides.yaml").read_text())
    assert f"optimizer.lr={rows[1]['optimizer.lr']}" in hydra_config
