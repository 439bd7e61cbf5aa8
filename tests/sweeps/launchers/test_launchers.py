"""Launchers whose jobs run in other processes: the records of single runs, failures apart, signals, studies."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend, JournalStorage

from homotopy_bench.cli.new import new_choice
from homotopy_bench.core.errors import InputError
from homotopy_bench.sweeps.launchers.submitit_workers import SubmititSlurm
from homotopy_bench.sweeps.launchers.workers import needed as needed_package
from tests.cli.runner import TINY, TRAIN, assert_same_record, call_main, environment, run, run_cli, summary

JOBS = (*TINY, "model=plain_mlp", "dataset=blobs", "training.epochs=2", "hydra.sweep.dir=sweep")
TWO = ("seed=0", "method=baseline,fade")
ONE = ("seed=0", "method=baseline")

LAUNCHERS = [
    ("joblib", 2, (*TWO, "hydra.launcher.n_jobs=1")),
    ("submitit_local", 1, ONE),
    pytest.param("submitit_slurm", 2, TWO, marks=pytest.mark.slow),
    pytest.param("ray", 2, (*TWO, "+hydra.launcher.init.num_cpus=1"), marks=pytest.mark.slow),
]
"""What each is given: the least that shows something, as a process takes seconds to load torch."""

ENDLESS = ("training.epochs=100000", "training.checkpoint_every=100000", "hydra.sweep.dir=sweep")

PATIENCE = 60
"""Seconds for two jobs to begin, and for both to end when they are asked to."""


INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts the tests in its background ignores it
from homotopy_bench.cli.train import main
sys.exit(main())
"""
"""The command line, which SIGINT reaches; not a fork, in which joblib's pool may not end in time."""


@pytest.fixture
def found_by(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment variables by which the launcher of a test finds what it needs; starts it."""
    if request.node.callspec.params["launcher"] != "submitit_slurm":
        return {}
    found: dict[str, str] = request.getfixturevalue("slurm_found_by")
    return found


@pytest.fixture(scope="module")
def included(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The argument that includes choices of one's own, which every launcher's jobs have to find."""
    folder = tmp_path_factory.mktemp("own")
    for kind, name in (("method", "fade"), ("model", "plain_mlp"), ("dataset", "blobs")):
        new_choice(kind, name, folder)
    return f"include={folder}"


@pytest.fixture(scope="module")
def basic(included: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which Hydra's own launcher has trained the jobs one after the other."""
    folder = tmp_path_factory.mktemp("basic")
    done = call_main("-m", "hydra/launcher=basic", included, *TWO, *JOBS, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "sweep"


def report(sweep: Path) -> list[list[str]]:
    """The words of the report of a multirun's runs, line by line, without the seconds they took."""
    done = run(sys.executable, "-m", "homotopy_bench.cli.report", sweep.name, cwd=sweep.parent, COLUMNS="100")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    first = lines.index(["Cost", "per", "run"])
    rows = [line for line in lines[first : first + 6] if line[:1] in (["baseline"], ["fade"])]
    assert len(rows) == 2
    for row in rows:
        float(row.pop(1))
    return lines


@pytest.mark.parametrize(("launcher", "count", "arguments"), LAUNCHERS)
def test_a_multirun_leaves_what_single_runs_leave(
    launcher: str,
    count: int,
    arguments: tuple[str, ...],
    found_by: dict[str, str],
    included: str,
    basic: Path,
    tmp_path: Path,
) -> None:
    done = run_cli("-m", f"hydra/launcher={launcher}", included, *arguments, *JOBS, cwd=tmp_path, **found_by)
    assert (done.returncode, done.stderr) == (0, "")
    jobs = sorted(int(path.parent.name) for path in (tmp_path / "sweep").glob("*/summary.json"))
    assert jobs == [*range(count)]
    for job in jobs:
        assert_same_record(tmp_path / "sweep" / str(job), basic / str(job))
        assert f"hydra/launcher={launcher}" in summary(tmp_path / "sweep" / str(job))["command"]
        for name in ("config.yaml", "overrides.yaml"):
            ours, theirs = (sweep / str(job) / ".hydra" / name for sweep in (tmp_path / "sweep", basic))
            assert ours.read_text() == theirs.read_text()
    if launcher == "submitit_slurm":
        assert report(tmp_path / "sweep") == report(basic)
        assert len(list((tmp_path / "sweep" / ".submitit").glob("*_[01]/*_log.out"))) == 2


def test_failures_belong_to_their_jobs(tmp_path: Path) -> None:
    rates = ("optimizer=sgd", "lr_schedule=constant", "training.clip_norm=null", "optimizer.lr=1e-3,1e6,${nothing}")
    batches = ("training.batch_size=30,0,5000", "model.depth=2", "dataset.samples=500", "training.epochs=2")
    jobs = (*rates, *batches, "hydra.launcher.n_jobs=1", "hydra.sweep.dir=sweep")
    done = run_cli("-m", "hydra/launcher=joblib", *jobs, cwd=tmp_path)
    assert done.returncode == 2
    ends = [summary(tmp_path / "sweep" / str(job))["status"] for job in range(6)]
    assert ends == ["completed", "failed", "failed", "diverged", "failed", "failed"]
    assert sorted(path.parent.name for path in tmp_path.rglob("summary.json")) == [*"012345"]
    none, many = (
        "homotopy-train: training.batch_size=0: accepted: an integer >= 1",
        "homotopy-train: training.batch_size=5000: accepted: at most the 360 training samples",
    )
    said = done.stderr.splitlines()
    assert said[:4] == [none, many, none, many]
    assert len(said) == 7
    assert all("optimizer.lr=1e-3,1e6,${nothing}: Interpolation key 'nothing' not found" in line for line in said[4:])
    # What is there is not written to.
    before = (tmp_path / "sweep" / "0" / "summary.json").read_bytes()
    again = run_cli("-m", "hydra/launcher=joblib", "seed=5", "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert again.returncode == 2
    assert again.stderr.startswith("homotopy-train: hydra.sweep.dir=sweep: this folder already holds a multirun")
    assert (tmp_path / "sweep" / "0" / "summary.json").read_bytes() == before


def kill_session(leader: int) -> None:
    """Kill every process of a session, whoever their parents are by now."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            session = status.read_text().rpartition(")")[2].split()[3]
            if int(session) == leader:
                os.kill(int(status.parent.name), signal.SIGKILL)


SIGNALS = [
    ("joblib", "SIGINT", ("seed=0,1,2", "hydra.launcher.n_jobs=2")),
    pytest.param(
        "submitit_slurm", "SIGTERM", ("seed=0,1", "hydra.launcher.array_parallelism=1"), marks=pytest.mark.slow
    ),
]
"""The last of the jobs waits for its turn."""


@pytest.mark.parametrize(("launcher", "name", "arguments"), SIGNALS)
def test_a_signal_ends_all_with_a_checkpoint(
    launcher: str, name: str, arguments: tuple[str, str], found_by: dict[str, str], tmp_path: Path
) -> None:
    command = (sys.executable, "-c", INTERRUPTIBLE, "-m", f"hydra/launcher={launcher}", *TINY, *ENDLESS, *arguments)
    environs = environment(**found_by)
    begun = arguments[0].count(",")
    metrics = [tmp_path / "sweep" / str(job) / "metrics.jsonl" for job in range(begun)]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environs,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while not all(path.exists() and path.stat().st_size for path in metrics):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            process.send_signal(signal.Signals[name])
            _, said = process.communicate(timeout=PATIENCE)
        finally:
            kill_session(process.pid)
            process.kill()
            if found_by:
                subprocess.run(["scancel", "--user=root"], env=environs, check=False)
    assert process.returncode == 130
    assert said.splitlines() == ["continue with: homotopy-train resume=sweep", "homotopy-train: interrupted"]
    for path in metrics:
        assert summary(path.parent)["status"] == "interrupted"
        assert (path.parent / "checkpoint.pt").exists()
    assert not (tmp_path / "sweep" / str(begun) / "metrics.jsonl").exists()


def test_trials_report_from_other_processes(tmp_path: Path) -> None:
    # One trial at a time, so that the process of the first batch takes the second one too.
    study = ("sweep=lr", "hydra.sweeper.study=s", "hydra.sweeper.n_trials=2", "hydra.launcher.n_jobs=1")
    sweeper = ("hydra.sweeper.batch=1", "hydra.sweeper.pruner=median")
    arguments = ("hydra/launcher=joblib", *study, *sweeper, *TINY, "method=baseline", "training.epochs=2")
    done = run_cli("-m", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    folder = tmp_path / "outputs" / "studies" / "s"
    with (folder / "trials.csv").open() as file:
        assert {row["status"] for row in csv.DictReader(file)} <= {"completed", "pruned"}
    storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    trials = optuna.load_study(study_name="s", storage=storage).trials
    assert len(trials) == 2
    assert all(1 in trial.intermediate_values for trial in trials)


FOREIGN = """
from hydra.core.config_store import ConfigStore
ConfigStore.instance().store(group="hydra/launcher", name="joblib", node={"_target_": "foreign", "processes": 3})
"""


def test_launchers_of_other_packages_do_not_take_the_names(tmp_path: Path) -> None:
    plugin = tmp_path / "hydra_plugins" / "zzz_launcher" / "zzz.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(FOREIGN)
    (plugin.parent / "__init__.py").touch()
    here = str(Path(__file__).parents[3])
    command = (sys.executable, TRAIN, "--cfg", "hydra", "hydra/launcher=joblib")
    done = run(*command, cwd=tmp_path, PYTHONPATH=f"{here}:{tmp_path}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "    n_jobs: -1\n" in done.stdout
    assert "foreign" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("hydra/launcher=joblib hydra.launcher.n_jobs=0", "hydra.launcher.n_jobs=0: accepted: an integer >= 1, or -1"),
        ("hydra/launcher=submitit_local hydra.launcher.timeout_min=long", "submitit says: Parameter \"timeout_min\""),
        ("hydra/launcher=submitit_local +hydra.launcher.setup=[true]", "hydra.launcher.setup=[True]: accepted: null"),
    ],
)  # fmt: skip
def test_wrong_options_are_named(arguments: str, said: str, tmp_path: Path) -> None:
    done = run_cli("-m", *arguments.split(), "seed=0,1", "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert list(tmp_path.rglob("metrics.jsonl")) == []


def test_a_missing_package_is_named_with_its_extra() -> None:
    with pytest.raises(
        InputError, match=r"^hydra/launcher=x: no_such is not installed; accepted: pip install .*no_such"
    ):
        needed_package("no_such", "x")


def test_slurm_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SUBMITIT_PREEMPT_SIGNAL", "TERM")  # which the launcher would set for good
    with pytest.raises(InputError, match="there is no srun here"):
        SubmititSlurm(str(tmp_path / "%j")).submit([])
