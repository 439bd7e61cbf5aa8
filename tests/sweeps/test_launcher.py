"""The command line with ``hydra/launcher=fused``: the folders of single runs, failures apart, kills and signals."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from homotopy_bench.runs import many
from homotopy_bench.runs.many import train_members
from tests.cli.runner import TINY, call_main, files, metrics, run, run_until, summary, the_error_line, trained
from tests.runs.records import assert_same_record

FUSED = ("-m", "hydra/launcher=fused", "hydra.launcher.probe=false", "hydra.launcher.threads=1")

JOBS = (*TINY, "training.epochs=3", "training.checkpoint_every=1", "hardware.dtype=float64", "seed=0,1")
VARIED = (*JOBS, "method=baseline,identity_homotopy")
"""Four jobs; the last key varies fastest."""


@pytest.fixture(scope="module")
def basic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which Hydra's own launcher has trained the jobs one after the other."""
    folder = tmp_path_factory.mktemp("basic")
    done = call_main("-m", "hydra/launcher=basic", *VARIED, "hydra.sweep.dir=sweep", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "sweep"


def assert_same_multirun(folder: Path, reference: Path) -> None:
    assert files(folder) == files(reference)
    for job in range(4):
        assert_same_record(folder / str(job), reference / str(job))


def without_launcher(file: Path) -> dict[str, Any]:
    """Content of a ``hydra.yaml`` but for the launcher, its options, and where it ran."""
    hydra: dict[str, Any] = yaml.safe_load(file.read_text())["hydra"]
    hydra["overrides"]["hydra"] = [one for one in hydra["overrides"]["hydra"] if "launcher" not in one]
    for name in ("output_dir", "cwd", "choices"):
        del hydra["runtime"][name]
    del hydra["launcher"]
    return hydra


def test_a_multirun_leaves_what_single_runs_leave(basic: Path, tmp_path: Path) -> None:
    done = call_main(*FUSED, *VARIED, "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert_same_multirun(tmp_path / "sweep", basic)
    for job in range(4):
        ours, theirs = tmp_path / "sweep" / str(job) / ".hydra", basic / str(job) / ".hydra"
        for name in ("config.yaml", "overrides.yaml"):
            assert (ours / name).read_text() == (theirs / name).read_text()
        assert without_launcher(ours / "hydra.yaml") == without_launcher(theirs / "hydra.yaml")
    table = [line for line in done.stdout.splitlines() if line.startswith("completed")]
    assert [line.split("#")[1][0] for line in table] == [str(job) for job in range(4)]
    assert "seed=1" in table[2]
    assert "method=baseline" in table[2]
    assert "jobs like" in done.stdout


def test_a_multirun_has_one_folder_whatever_the_time_is(tmp_path: Path) -> None:
    assert call_main(*FUSED, *TINY, "seed=0,1", cwd=tmp_path).returncode == 0
    (folder,) = (tmp_path / "outputs" / "multirun").glob("*/*")
    assert {file.name for file in folder.iterdir()} >= {"0", "1", "multirun.yaml"}


def test_a_wrong_job_fails_alone_with_its_line(tmp_path: Path) -> None:
    values = ("training.batch_size=30,0,5000", "training.epochs=1", "seed=0,1", "hydra.sweep.dir=sweep")
    done = call_main(*FUSED, "model.depth=2", "dataset.samples=500", *values, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    sweep = tmp_path / "sweep"
    ends = [summary(sweep / str(job))["status"] for job in range(6)]
    assert ends == ["completed", "completed", "failed", "failed", "failed", "failed"]
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["homotopy-train"] * 4
    assert sum("training.batch_size=0: accepted: an integer >= 1" in line for line in lines) == 2
    assert sum("training.batch_size=5000: accepted: at most the" in line for line in lines) == 2
    assert summary(sweep / "2")["reason"] in lines[0]


def test_nothing_but_wrong_jobs_answers_without_loading_torch(tmp_path: Path) -> None:
    script = (
        "import sys; from homotopy_bench.cli.train import main; sys.argv[0] = 'homotopy-train'; code = main();"
        "print('torch' in sys.modules); sys.exit(code)"
    )
    done = run(sys.executable, "-c", script, *FUSED, "training.epochs=0,-1", "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (2, "False")
    assert trained(tmp_path) == []


def test_more_jobs_than_files_may_be_open_are_refused_at_once(tmp_path: Path) -> None:
    script = (
        "import resource, sys; from homotopy_bench.cli.train import main; sys.argv[0] = 'homotopy-train';"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80)); sys.exit(main())"
    )
    done = run(sys.executable, "-c", script, *FUSED, "seed=range(17)", "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert the_error_line(done).startswith("--multirun=17 jobs: accepted: at most 16 while 80 files may be open")
    assert files(tmp_path) == ["sweep/multirun.yaml"]


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("hydra.launcher.max_members=0", "hydra.launcher.max_members=0: accepted: an integer >= 1 or null"),
        ("hydra.launcher.threads=two", "hydra.launcher.threads=two: accepted: an integer >= 1 or null"),
        ("hydra.launcher.probe=3", "hydra.launcher.probe=3: accepted: true or false"),
    ],
)
def test_wrong_options_of_the_launcher_are_named(argument: str, said: str, tmp_path: Path) -> None:
    done = call_main(*FUSED, "seed=0,1", argument, "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"homotopy-train: {said}\n")
    assert trained(tmp_path) == []


def test_jobs_train_in_the_environment_that_they_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def train(*arguments: Any) -> bool:
        seen.append(os.environ.get("OF_JOBS"))
        return train_members(*arguments)

    monkeypatch.setattr(many, "train_members", train)
    jobs = (*FUSED, *TINY, "training.epochs=1")
    done = call_main(*jobs, "seed=0,1", "+hydra.job.env_set.OF_JOBS=yes", "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert (done.returncode, done.stderr, seen) == (0, "", ["yes"])
    assert "OF_JOBS" not in os.environ
    for one in "ab":
        (tmp_path / f"{one}.yaml").write_text(f"# @package _global_\nhydra: {{job: {{env_set: {{OF_JOBS: {one}}}}}}}\n")
    done = call_main(*jobs, "experiment=a.yaml,b.yaml", "hydra.sweep.dir=other", cwd=tmp_path)
    assert the_error_line(done).startswith("hydra.job.env_set=['OF_JOBS']: jobs that train together share a process")
    assert (len(seen), trained(tmp_path / "other")) == (1, [])


def test_jobs_that_have_names_of_their_own_are_not_begun_by_resuming(tmp_path: Path) -> None:
    named = ("seed=0,1", "hydra.sweep.dir=sweep", "hydra.sweep.subdir=seed_${seed}")
    assert call_main(*FUSED, *TINY, "training.epochs=1", *named, cwd=tmp_path).returncode == 0
    done = call_main("resume=sweep", cwd=tmp_path)
    said = "sweep: jobs that had not begun are left out, as hydra.sweep.subdir=seed_${seed} is none of their numbers\n"
    assert (done.returncode, done.stdout) == (0, f"{said}sweep: 2 runs have ended, 0 are continued\n")


def test_an_occupied_folder_is_left_alone(basic: Path, tmp_path: Path) -> None:
    shutil.copytree(basic / "1", tmp_path / "sweep" / "1")
    before = {name: (tmp_path / "sweep" / "1" / name).read_bytes() for name in files(tmp_path / "sweep" / "1")}
    done = call_main(*FUSED, *TINY, "training.epochs=1", "hydra.sweep.dir=sweep", "seed=2,3", cwd=tmp_path)
    assert the_error_line(done).startswith("hydra.sweep.dir=sweep/1: this folder already holds a run")
    assert {name: (tmp_path / "sweep" / "1" / name).read_bytes() for name in before} == before
    assert summary(tmp_path / "sweep" / "0")["seed"] == 2


def test_hydras_own_launcher_leaves_another_multirun_alone(basic: Path, tmp_path: Path) -> None:
    shutil.copytree(basic, tmp_path / "sweep")
    before = {name: (tmp_path / "sweep" / name).read_bytes() for name in files(tmp_path / "sweep")}
    done = call_main("-m", "hydra/launcher=basic", *TINY, "hydra.sweep.dir=sweep", "seed=2,3", cwd=tmp_path)
    assert the_error_line(done).startswith("hydra.sweep.dir=sweep: this folder already holds a multirun")
    assert {name: (tmp_path / "sweep" / name).read_bytes() for name in files(tmp_path / "sweep")} == before


def test_a_killed_multirun_continues_where_it_stood(basic: Path, tmp_path: Path) -> None:
    killed = run_until("checkpoint.pt replaced 3", *FUSED, *VARIED, "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with (tmp_path / "sweep" / "1" / "metrics.jsonl").open("ab") as file:
        file.write(b'{"epoch": 3, "st')
    again = run_until("summary.json replaced 1", "resume=sweep", cwd=tmp_path)
    assert again.returncode == -signal.SIGKILL, again.stderr
    ended = [job for job in range(4) if (tmp_path / "sweep" / str(job) / "summary.json").exists()]
    assert len(ended) == 1
    before = [(tmp_path / "sweep" / str(job) / "summary.json").read_bytes() for job in ended]
    done = call_main("resume=sweep", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("sweep: 1 runs have ended, 3 are continued\n")
    assert [(tmp_path / "sweep" / str(job) / "summary.json").read_bytes() for job in ended] == before
    assert_same_multirun(tmp_path / "sweep", basic)
    nothing = call_main("resume=sweep", cwd=tmp_path)
    assert (nothing.returncode, nothing.stdout) == (0, "sweep: 4 runs have ended, 0 are continued\n")


def test_jobs_that_had_not_begun_are_begun(basic: Path, tmp_path: Path) -> None:
    globbed = (*JOBS, "method=glob([baseline,identity_homotopy])")  # the same jobs
    killed = run_until("_prepare 2", *FUSED, *globbed, "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "sweep" / "2").exists()
    done = call_main("resume=sweep", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for job in range(4):
        folder = tmp_path / "sweep" / str(job)
        assert summary(folder)["status"] == "completed"
        assert summary(folder)["config"] == summary(basic / str(job))["config"]
        assert summary(folder)["overrides"] == summary(basic / str(job))["overrides"]


def test_a_signal_interrupts_all_and_they_continue(basic: Path, tmp_path: Path) -> None:
    stopped = run_until("advance 16", *FUSED, *VARIED, "hydra.sweep.dir=sweep", cwd=tmp_path, SIGNAL="SIGINT")
    assert stopped.returncode == 130, stopped.stderr
    assert "continue with: homotopy-train resume=sweep" in stopped.stderr.splitlines()
    assert {summary(tmp_path / "sweep" / str(job))["status"] for job in range(4)} == {"interrupted"}
    assert max(len(metrics(tmp_path / "sweep" / str(job))) for job in range(4)) == 1
    # A damaged one fails alone while the others continue.
    damaged = tmp_path / "sweep" / "2" / "checkpoint.pt"
    content = damaged.read_bytes()
    damaged.write_bytes(b"no checkpoint")
    done = call_main("resume=sweep", cwd=tmp_path)
    assert done.returncode == 2
    assert the_error_line(done).startswith("resume=sweep/2: its checkpoint.pt is damaged")
    assert [summary(tmp_path / "sweep" / str(job))["status"] for job in range(4)].count("completed") == 3
    damaged.write_bytes(content)
    done = call_main("resume=sweep", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert_same_multirun(tmp_path / "sweep", basic)
