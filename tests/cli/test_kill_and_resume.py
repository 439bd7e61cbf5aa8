"""A run that is killed and continued, however often and wherever, ends bitwise where it would have ended anyway."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.forks import Fork
from tests.cli.full_disk import files_of_at_most
from tests.cli.runner import (
    LIMIT,
    TINY,
    TRAIN,
    assert_same_record,
    call_main,
    environment,
    files,
    metrics,
    run_until,
    summary,
    the_error_line,
    trained,
)

EPOCHS = 7
"""Not a multiple of any interval below: the last epoch is evaluated and saved out of turn."""


def settings(eval_every: int, checkpoint_every: int) -> tuple[str, ...]:
    every = (f"training.eval_every={eval_every}", f"training.checkpoint_every={checkpoint_every}")
    return (*TINY, f"training.epochs={EPOCHS}", *every)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody disturbed, evaluated every epoch and saved every second; ``counts.json`` beside it."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    done = run_until("never 0", *settings(1, 2), "hydra.run.dir=run", cwd=folder.parent, COUNTS="counts.json")
    assert done.returncode == 0, done.stderr
    assert len(metrics(folder)) == EPOCHS
    return folder


def resume_until_done(folder: Path, arguments: tuple[str, ...]) -> None:
    """Continue a run as its user would; one that was killed before it had a configuration is begun again."""
    done = call_main(f"resume={folder.name}", cwd=folder.parent)
    if done.returncode == 2:
        assert begins_again(folder, done)
        done = call_main(*arguments, f"hydra.run.dir={folder.name}", cwd=folder.parent)
    assert done.returncode == 0, done.stderr


def begins_again(folder: Path, refused: subprocess.CompletedProcess[str]) -> bool:
    """Whether a refusal to continue is the right one: it says clearly why, and there is indeed nothing to continue."""
    line = the_error_line(refused)
    assert line.startswith(f"resume={folder.name}: ")
    assert "accepted: the folder of a run, with .hydra/config.yaml and metrics.jsonl" in line
    return not (folder / "metrics.jsonl").exists()


# Random moments are drawn from parts of a run: "start" before the first step, "quarter" before a quarter of all lines
# has run, so that some of them in a chain do not reach the end. "outside" is a kill by another process's clock.
CHAINS = {
    "eval 1, save 2": (
        *(1, 2),
        ("outside", "_save_config 2", "quarter", "checkpoint.pt fsync 2", "quarter", "summary.json fsync 1"),
    ),
    "eval 3, save 2": (
        *(3, 2),
        ("start", "checkpoint.pt replaced 1", "quarter", "checkpoint.pt replace 1", "append 1", "curves.png fsync 1"),
    ),
}


@pytest.mark.parametrize("chain", CHAINS)
def test_kills_at_any_moment_change_nothing(chain: str, reference: Path, tmp_path: Path) -> None:
    eval_every, checkpoint_every, moments = CHAINS[chain]
    arguments = settings(eval_every, checkpoint_every)
    counts = json.loads((reference.parent / "counts.json").read_text())
    # A seed per chain, the same in every session: str hashes differ between processes, sha256 does not.
    draw = random.Random(hashlib.sha256(chain.encode()).digest())
    drawn = {"start": counts["before"], "quarter": counts["line"] // 4}
    folder = tmp_path / "run"
    command: tuple[str, ...] = (*arguments, "hydra.run.dir=run")
    for moment in moments:
        if moment == "outside":
            kill_by_the_clock(command, tmp_path, draw.uniform(0.0, 0.5))
        else:
            at = f"line {draw.randint(1, drawn[moment])}" if moment in drawn else moment
            done = run_until(at, *command, cwd=tmp_path)
            assert done.returncode == -signal.SIGKILL, f"{at}: {done.stdout}{done.stderr}"
        if (folder / "metrics.jsonl").exists():
            command = ("resume=run",)
            # What a crash of the whole machine may leave behind: a line that was only begun.
            with (folder / "metrics.jsonl").open("ab") as file:
                file.write(b'{"epoch": 3, "st')
        else:
            assert not folder.exists() or begins_again(folder, call_main("resume=run", cwd=tmp_path))
    resume_until_done(folder, arguments)
    if (eval_every, checkpoint_every) != (1, 2):
        reference = tmp_path / "straight"
        done = call_main(*arguments, "hydra.run.dir=straight", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert_same_record(folder, reference)


def kill_by_the_clock(command: tuple[str, ...], cwd: Path, seconds: float) -> None:
    process = Fork(TRAIN, command, cwd, environment())
    time.sleep(seconds)
    process.kill()
    process.communicate(LIMIT)


def test_a_full_disk_is_named_and_what_was_written_is_kept(tmp_path: Path) -> None:
    wide = (*TINY, "model.width=64", "training.epochs=3", "training.checkpoint_every=2", "training.eval_every=1")
    with files_of_at_most(50_000):  # the checkpoint has more
        done = call_main(*wide, "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 1
    said, hint = done.stderr.splitlines()
    assert said == "homotopy-train: run/checkpoint.pt: File too large; what was written before is kept"
    assert hint == "continue with: homotopy-train resume=run"
    assert (summary(tmp_path / "run")["status"], summary(tmp_path / "run")["fault"]) == ("failed", "machine")
    assert len(metrics(tmp_path / "run")) == 2
    assert call_main(*wide, "hydra.run.dir=straight", cwd=tmp_path).returncode == 0
    resume_until_done(tmp_path / "run", wide)
    assert_same_record(tmp_path / "run", tmp_path / "straight")


def test_a_full_disk_ends_a_multirun_with_how_it_goes_on(tmp_path: Path) -> None:
    wide = (*TINY, "model.width=64", "training.epochs=1", "seed=0,1", "hydra.launcher.probe=false")
    with files_of_at_most(50_000):
        begun = call_main("-m", *wide, "hydra.sweep.dir=sweep", cwd=tmp_path)
        resumed = call_main("resume=sweep", cwd=tmp_path)
    full = [
        f"homotopy-train: sweep/{job}/checkpoint.pt: File too large; what was written before is kept" for job in "01"
    ]
    for done in (begun, resumed):
        assert done.returncode == 1
        assert done.stderr.splitlines() == [*full, "continue with: homotopy-train resume=sweep"]
    assert call_main("resume=sweep", cwd=tmp_path).returncode == 0


def test_a_run_without_handles_says_so_and_goes_on(reference: Path, tmp_path: Path) -> None:
    ended = run_until("append 2", *settings(1, 2), "hydra.run.dir=run", cwd=tmp_path, SIGNAL="HANDLES")
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "homotopy-train: run/metrics.jsonl: Too many open files; what was written before is kept",
        "continue with: homotopy-train resume=run",
    ]
    assert (summary(tmp_path / "run")["status"], summary(tmp_path / "run")["fault"]) == ("failed", "machine")
    resume_until_done(tmp_path / "run", settings(1, 2))
    assert_same_record(tmp_path / "run", reference)


REQUESTS = (
    ("SIGINT", "advance 10"),  # in a step
    ("SIGTERM", "evaluate 2"),
    ("SIGINT", "checkpoint.pt replace 1"),
    ("SIGINT", "_train 2"),  # between an evaluation and the next step
)


def test_a_signal_ends_a_run_so_that_it_can_go_on(reference: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command: tuple[str, ...] = (*settings(1, 2), "hydra.run.dir=run")
    for name, moment in REQUESTS:
        ended = run_until(moment, *command, cwd=tmp_path, SIGNAL=name)
        assert ended.returncode == 130, ended.stderr
        assert "Traceback" not in ended.stderr
        assert "continue with: homotopy-train resume=run" in ended.stderr.splitlines()
        assert summary(folder)["status"] == "interrupted"
        assert len(metrics(folder)) < EPOCHS
        command = ("resume=run",)
    resume_until_done(folder, settings(1, 2))
    assert_same_record(folder, reference)


def test_a_signal_before_training_ends_the_process_without_a_traceback(tmp_path: Path) -> None:
    ended = run_until("_load 1", *TINY, "hydra.run.dir=run", cwd=tmp_path, SIGNAL="SIGINT")
    assert ended.returncode == 130
    assert ended.stderr == "homotopy-train: interrupted\n"
    assert trained(tmp_path) == []


LONG_STEP = """
import hashlib, sys
from homotopy_bench.cli.train import main
from homotopy_bench.training.trainer import Trainer

def advance(self):
    print("in the step", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # minutes in C, away from the interpreter, as in a large kernel

Trainer.advance = advance
sys.exit(main())
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_second_signal_ends_the_process_in_the_middle_of_a_step(name: str, tmp_path: Path) -> None:
    number = signal.Signals[name]
    script = tmp_path / "long_step.py"
    script.write_text(LONG_STEP)
    process = Fork(str(script), (*TINY, "hydra.run.dir=run"), tmp_path, environment())
    try:
        deadline = time.monotonic() + LIMIT
        while "in the step" not in process.output():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        assert process.poll() is None
        # Two signals of a kind that are both still waiting become one: what counts is the second that arrives.
        while process.poll() is None and time.monotonic() < deadline:
            process.send_signal(number)
            time.sleep(0.05)
        assert process.returncode in (128 + number, -number)
    finally:
        process.kill()


def test_a_run_that_has_ended_is_left_alone(reference: Path) -> None:
    before = {name: (reference / name).read_bytes() for name in files(reference)}
    done = call_main("resume=run", cwd=reference.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "run: this run has ended (completed); nothing to resume\n"
    assert {name: (reference / name).read_bytes() for name in files(reference)} == before


DIVERGING = ("optimizer=sgd", "lr_schedule=constant", "training.clip_norm=null")


def test_a_diverging_run_ends_by_itself_among_others(tmp_path: Path) -> None:
    arguments = (*TINY, f"training.epochs={EPOCHS}", *DIVERGING, "optimizer.lr=1e-2,1e6,1e-3", "hydra.sweep.dir=sweep")
    done = call_main("-m", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    first, diverged, last = (tmp_path / "sweep" / str(job) for job in range(3))
    assert [summary(folder)["status"] for folder in (first, diverged, last)] == ["completed", "diverged", "completed"]
    assert len(metrics(diverged)) < EPOCHS == len(metrics(first))
    assert metrics(diverged)[-1]["train_loss"] is None
    record = summary(diverged)
    assert "training loss" in record["reason"]
    assert record["final"]["train_loss"] is None
    assert record.keys() == summary(first).keys()
    assert set(files(first)) - set(files(diverged)) == {"checkpoint.pt", "best.safetensors"}
    again = call_main("resume=sweep/1", cwd=tmp_path)
    assert again.stdout == "sweep/1: this run has ended (diverged); nothing to resume\n"


def test_a_diverging_run_alone_exits_with_0(tmp_path: Path) -> None:
    arguments = (*TINY, f"training.epochs={EPOCHS}", *DIVERGING, "optimizer.lr=1e6", "hydra.run.dir=run")
    done = call_main(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "diverged" in done.stdout
    assert summary(tmp_path / "run")["status"] == "diverged"
