"""A folder is written by one process at a time; another one is told so before it has changed anything."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.forks import Fork
from tests.cli.runner import LIMIT, SEND_AT, TINY, call_main, ended, environment, metrics, summary, the_error_line

OWNED = "another process is writing this folder; wait for its end, or end it"

SETTINGS = (*TINY, "training.epochs=3", "training.checkpoint_every=1")

RUN = (*SETTINGS, "hydra.run.dir=run")

SWEEP = ("-m", "seed=0,1", *SETTINGS, "hydra.sweep.dir=sweep")


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module", params=[RUN, SWEEP], ids=["run", "multirun"])
def living(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fork, Path]]:
    """A process that is held while it writes, and its working directory."""
    cwd = tmp_path_factory.mktemp("living")
    process = Fork(SEND_AT, request.param, cwd, environment(MOMENT="checkpoint.pt replaced 1", SIGNAL="SIGSTOP"))
    try:
        process.wait_until_stopped(LIMIT)
        yield process, cwd
    finally:
        process.kill()


def test_others_are_kept_out_until_it_ends(living: tuple[Fork, Path]) -> None:
    process, cwd = living
    kept_out = {
        "run": [("resume=run", "resume=run"), (*RUN, "hydra.run.dir=run"), (*RUN, "seed=5", "hydra.run.dir=run")],
        "sweep": [
            ("resume=sweep", "resume=sweep"),
            ("resume=sweep/0", "resume=sweep/0"),
            (*SWEEP, "hydra.sweep.dir=sweep"),
        ],
    }
    before = content(cwd)
    name = "run" if (cwd / "run").exists() else "sweep"
    for *command, named in kept_out[name]:
        line = the_error_line(call_main(*command, cwd=cwd))
        assert line.startswith(f"{named}: ")
        assert OWNED in line or "already holds a run" in line
        assert content(cwd) == before
    process.send_signal(signal.SIGCONT)
    assert ended(process).returncode == 0
    for folder in [cwd / "run"] if name == "run" else [cwd / "sweep/0", cwd / "sweep/1"]:
        assert summary(folder)["status"] == "completed"
        assert [line["epoch"] for line in metrics(folder)] == [1, 2, 3]
    after = content(cwd)
    if name == "sweep":  # another multirun would replace what was asked for
        assert "already holds a multirun" in the_error_line(call_main(*SWEEP, "model.depth=2", cwd=cwd))
    assert content(cwd) == after


def test_a_kill_frees_the_folder(tmp_path: Path) -> None:
    process = Fork(SEND_AT, RUN, tmp_path, environment(MOMENT="checkpoint.pt replaced 1", SIGNAL="SIGSTOP"))
    process.wait_until_stopped(LIMIT)
    assert OWNED in the_error_line(call_main("resume=run", cwd=tmp_path))
    process.kill()
    assert ended(process).returncode == -signal.SIGKILL
    done = call_main("resume=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert summary(tmp_path / "run")["status"] == "completed"
