"""The command line, called in this process or started and killed in one of its own, and its record compared."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import torch

import homotopy_bench
from homotopy_bench.cli import data, export, functions, landscape, precision, report, train
from homotopy_bench.core.folder_lock import LOCK
from tests.cli.forks import Fork

TRAIN = str(Path(homotopy_bench.__file__).with_name("__main__.py"))
SEND_AT = str(Path(__file__).with_name("send_at.py"))

TINY = ("model.depth=3", "model.width=8", "dataset.samples=500", "training.batch_size=30")
"""A run of 12 steps per epoch that trains in a moment."""

LIMIT = 120
"""Seconds after which a process counts as hanging."""


MAINS: dict[str, Callable[[], int]] = {
    "homotopy-train": train.main,
    "homotopy-report": report.main,
    "homotopy-data": data.main,
    "homotopy-functions": functions.main,
    "homotopy-precision": precision.main,
    "homotopy-landscape": landscape.main,
    "homotopy-export": export.main,
}

LEFT_OUT = ("HYDRA_FULL_ERROR", "FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "COMP_LINE")
"""What a developer may have set in a shell must not change what is printed."""


def environment(**more: str) -> dict[str, str]:
    """The environment of a plain shell."""
    inherited = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    return {**inherited, "OMP_NUM_THREADS": "1", **more}


def call_main(*arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Call ``main()`` as :func:`run_cli` runs it, in this process; keywords are further environment variables."""
    return call_command("homotopy-train", *arguments, cwd=cwd, **more)


def call_command(command: str, *arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Do the same for any of the commands."""
    out, err = io.StringIO(), io.StringIO()
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(sys, "argv", [command, *arguments])
        for name in LEFT_OUT:
            patch.delenv(name, raising=False)
        for name, value in more.items():
            patch.setenv(name, value)
        try:
            code = MAINS[command]()
        except SystemExit as stopped:
            code = int(str(stopped.code))
        finally:
            torch.set_num_threads(threads)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def run_cli(*arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run ``homotopy-train`` to its end in another process; keywords are further environment variables."""
    return ended(Fork(TRAIN, arguments, cwd, environment(**more)))


def run_until(moment: str, *arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run ``homotopy-train`` in a process that sends itself a signal; ``send_at.py`` says which moments there are."""
    return ended(Fork(SEND_AT, arguments, cwd, environment(MOMENT=moment, **more)))


def ended(process: Fork) -> subprocess.CompletedProcess[str]:
    """Wait for a process to end."""
    out, err = process.communicate(LIMIT)
    assert process.returncode is not None
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def run(*command: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run any command to its end in a new process, which knows nothing of this one."""
    return subprocess.run(command, cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=LIMIT)


def the_error_line(done: subprocess.CompletedProcess[str], command: str = "homotopy-train") -> str:
    """The one line of a wrong input, after checking that it is one line and that the exit code says the same."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith(f"{command}: ")
    return lines[0].removeprefix(f"{command}: ")


def read_json(text: str) -> Any:
    """Parse strict JSON: NaN and Infinity, which Python would accept, are errors."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def summary(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = read_json((folder / "summary.json").read_text())
    return content


def metrics(folder: Path) -> list[dict[str, Any]]:
    return [read_json(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def files(folder: Path) -> list[str]:
    """The files below a folder, without those that are locked."""
    every = (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
    return sorted(str(path.relative_to(folder)) for path in every)


def trained(folder: Path) -> list[str]:
    """What was trained anywhere below a folder: runs that completed, or that have figures."""
    completed = [str(path) for path in folder.rglob("summary.json") if summary(path.parent)["status"] == "completed"]
    return completed + [str(path) for path in folder.rglob("metrics.jsonl") if path.stat().st_size]


def comparable(content: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a summary, a line of metrics or a checkpoint that a continued run repeats exactly.

    What a process is and how long it takes is its own; a checkpoint says how long the metrics were, and those have
    the digits of its clock in them.
    """
    own = {"command", "code_version", "metrics_bytes"}
    clock = {"train_seconds", "eval_seconds", "peak_memory_mb", "samples_per_second", "members_per_second"}
    kept = {name: value for name, value in content.items() if name not in own}
    kept["cost"] = {name: value for name, value in kept["cost"].items() if name not in clock}
    return kept


def differences(a: object, b: object, where: str = "") -> list[str]:
    """Where two nested values differ; tensors must agree in every bit that can be told apart, and in format."""
    if isinstance(a, dict) and isinstance(b, dict) and list(a) == list(b):
        return [line for name in a for line in differences(a[name], b[name], f"{where}.{name}")]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [line for i, (x, y) in enumerate(zip(a, b, strict=True)) for line in differences(x, y, f"{where}[{i}]")]
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return [] if a.dtype == b.dtype and torch.equal(a, b) else [f"{where}: tensors differ"]
    return [] if type(a) is type(b) and a == b else [f"{where}: {a!r} != {b!r}"]


def load_checkpoint(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(folder / "checkpoint.pt", weights_only=True)
    return content


def assert_same_record(folder: Path, reference: Path) -> None:
    """Fail unless two records agree in all but the clock, and the first one is whole."""
    assert_same_run(folder, reference)
    assert set(files(folder)) ^ set(files(reference)) == set()


def assert_same_run(folder: Path, reference: Path) -> None:
    """The same without a look at other files, some of which trackers name by the time."""
    lines, expected = metrics(folder), metrics(reference)
    assert differences([*map(comparable, lines)], [*map(comparable, expected)]) == []
    assert differences(comparable(summary(folder)), comparable(summary(reference))) == []
    checkpoint = load_checkpoint(folder)
    assert {"theta", "optimizer"} <= checkpoint["member"].keys()
    assert differences(comparable(checkpoint), comparable(load_checkpoint(reference))) == []
    assert checkpoint["metrics_bytes"] == (folder / "metrics.jsonl").stat().st_size
