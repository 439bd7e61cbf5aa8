"""A run or a multirun in several processes: one record, the figures of one process, and no process that stays."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from socket import socket

import pytest

from homotopy_bench.cli.ranks import on_rank_0
from homotopy_bench.core.errors import InputError, RankLost
from homotopy_bench.distributed import ranks as ranks_module
from homotopy_bench.distributed.ranks import StartedRanks
from homotopy_bench.hardware.launched import Launched, launched
from homotopy_bench.runs.parallel import Processes
from homotopy_bench.training import rank
from tests.cli.forked_ranks import forked_ranks
from tests.cli.forks import Fork
from tests.cli.runner import LIMIT, TINY, TRAIN, call_main, ended, environment, metrics, run, summary, the_error_line
from tests.composing import compose

GLOO = ("hardware=multi_gpu", "hardware.backend=gloo", "hardware.dtype=float64")
LONG = (*TINY, *GLOO, "hardware.devices=2", "training.epochs=40", "training.checkpoint_every=1", "hydra.run.dir=run")
SHORT = (*TINY, "training.epochs=3", "method=identity_homotopy")
FIGURES = ("train_loss", "val_loss_target", "val_acc_target", "grad_norm", "t", "lr")


def ranks_of(pid: int) -> dict[int, int]:
    """The living ranks that a process has started: rank -> its process."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().split("\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if "homotopy_bench.training.rank" in words and parent == pid:
            found[int(words[words.index("homotopy_bench.training.rank") + 2])] = int(folder.name)
    return found


def begun(cwd: Path) -> tuple[Fork, int]:
    """A run in two processes, after its first evaluation, and the process of rank 1."""
    process = Fork(TRAIN, LONG, cwd, environment())
    until = time.monotonic() + LIMIT
    written = cwd / "run" / "checkpoint.pt"
    while not written.exists():
        assert process.poll() is None, process.communicate(LIMIT)
        assert time.monotonic() < until
        time.sleep(0.01)
    return process, ranks_of(process.pid)[1]


def assert_gone(pid: int) -> None:
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_rank_that_dies_ends_the_run_which_one_process_continues(tmp_path: Path) -> None:
    process, other = begun(tmp_path)
    os.kill(other, signal.SIGKILL)
    killed = time.monotonic()
    _, said = process.communicate(LIMIT)
    assert time.monotonic() - killed < 30
    assert process.returncode == 1
    assert said.splitlines() == [
        f"homotopy-train: rank 1 of 2 (process {other}) was ended by SIGKILL",
        "continue with: homotopy-train resume=run",
    ]
    assert_gone(other)
    assert (summary(tmp_path / "run")["status"], summary(tmp_path / "run")["fault"]) == ("failed", "machine")
    done = call_main("resume=run", "hardware.devices=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line["epoch"] for line in metrics(tmp_path / "run")] == list(range(1, 41))


def test_an_interrupt_leaves_a_checkpoint_and_no_process(tmp_path: Path) -> None:
    process, other = begun(tmp_path)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(LIMIT)
    assert process.returncode == 130, said
    assert_gone(other)
    stopped = summary(tmp_path / "run")
    assert stopped["status"] == "interrupted"
    assert stopped["environment"]["device"] == "2 x cpu"


def test_a_run_and_a_multirun_in_processes_have_the_figures_of_one(tmp_path: Path) -> None:
    alone = call_main(*SHORT, "hardware.dtype=float64", "-m", "seed=3,4,5", "hydra.sweep.dir=alone", cwd=tmp_path)
    two = (*SHORT, *GLOO, "hardware.devices=2")
    with forked_ranks():
        divided = call_main(*two, "-m", "seed=3,4,5", "hydra.sweep.dir=members", cwd=tmp_path)
        batches = call_main(*two, "seed=4", "hydra.run.dir=data", cwd=tmp_path)
    for done in (alone, divided, batches):
        assert done.returncode == 0, done.stderr
    pairs = [(tmp_path / "members" / str(number), tmp_path / "alone" / str(number)) for number in range(3)]
    for ours, theirs in (*pairs, (tmp_path / "data", tmp_path / "alone" / "1")):
        for line, expected in zip(metrics(ours), metrics(theirs), strict=True):
            assert [line[name] for name in FIGURES] == pytest.approx([expected[name] for name in FIGURES], rel=1e-9)
        assert summary(ours)["final"]["test_acc_target"] == summary(theirs)["final"]["test_acc_target"]
        assert summary(ours)["cost"]["gradient_evaluations"] == summary(theirs)["cost"]["gradient_evaluations"]


def test_members_that_diverge_leave_the_processes(tmp_path: Path) -> None:
    diverging = (
        *TINY,
        *GLOO,
        "hardware.devices=2",
        "hardware.parallel=members",
        "training.epochs=4",
        "optimizer=sgd",
        "training.clip_norm=null",
    )
    rates = "optimizer.lr=1e300,0.01,1e301"
    with forked_ranks():
        done = call_main(*diverging, "lr_schedule=constant", "-m", rates, "hydra.sweep.dir=runs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    statuses = [summary(tmp_path / "runs" / str(number))["status"] for number in range(3)]
    assert statuses == ["diverged", "completed", "diverged"]
    assert len(metrics(tmp_path / "runs" / "1")) == 4


def test_a_rank_that_cannot_begin_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks_module, "PROGRAM", "no_such_module")
    with pytest.raises(RankLost, match=r"^rank 1 of 2 \(process \d+\) ended with code 1"):
        StartedRanks(2, "gloo")


def test_the_processes_of_a_launcher_make_one_record(tmp_path: Path) -> None:
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", TRAIN)
    done = run(*launcher, *SHORT, *GLOO, "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("record: run") == 1
    assert summary(tmp_path / "run")["environment"]["device"] == "2 x cpu"


def test_nothing_takes_the_place_of_a_launchers_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, value in {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}.items():
        monkeypatch.setenv(name, value)
    other = Fork(TRAIN, (*TINY, *GLOO), tmp_path, environment(RANK="1", LOCAL_RANK="1"))
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_RANK", "0")
    config = compose(*TINY, *GLOO)
    with Processes() as processes:
        processes.of([config], begun=False)
        processes.drop()  # as after an error
        assert ended(other).returncode == 1
        with pytest.raises(RankLost, match=r"^the launcher's other processes have ended"):
            processes.of([config], begun=True)
        processes.of([compose(*TINY)], begun=False)  # in this process


def test_a_launchers_processes_are_taken_where_several_are_wanted(
    killed_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    served: list[Launched] = []

    def serve(place: Launched) -> int:
        served.append(place)
        return 0

    monkeypatch.setattr(rank, "serve_launcher", serve)
    alone = (
        ["seed=3"],
        ["--no-such-flag", "hardware=multi_gpu"],
        ["hardware=cpu"],
        ["--help", "hardware=multi_gpu"],
        [f"resume={killed_run}"],
        ["no=key"],
    )
    for arguments in alone:
        assert on_rank_0(launched(), lambda: 7, arguments) == 7
    assert served == []
    for arguments in ([*GLOO], ["-m", "hardware=multi_gpu", "seed=1,2"], ["--run", *GLOO]):
        assert on_rank_0(launched(), lambda: 7, arguments) == 0
    assert len(served) == 3
    with pytest.raises(InputError, match="hardware=multi_gpu: the processes of a launcher run homotopy-train"):
        Processes().of([compose(*GLOO)], begun=False)


WRONG = {
    "hardware.backend=nccl": ("hardware.devices=1",),
    "hardware.devices=999": (),
    "hardware.devices=[1, 1]": (),
    "hardware.devices=0": (),
    "hardware.parallel=members": ("hardware.devices=2",),
    "training.batch_size=31": ("hardware.devices=2",),
    "training.batch_size=2": (
        "hardware.devices=2",
        "hardware.parallel=data",
        "hardware.batch_statistics=local",
        "model.block=batchnorm",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_divided_is_refused_in_one_line(wrong: str, tmp_path: Path) -> None:
    done = call_main(*TINY, *GLOO, *WRONG[wrong], wrong.replace(" ", ""), "hydra.run.dir=run", cwd=tmp_path)
    line = the_error_line(done)
    assert line.startswith(f"{wrong}: ")
    assert "accepted" in line


def test_only_a_run_in_several_processes_takes_other_devices(killed_run: Path) -> None:
    done = call_main(f"resume={killed_run.name}", "hardware.devices=2", cwd=killed_run.parent)
    assert the_error_line(done).startswith("hardware.devices=2: this run trains on hardware=cpu")
