"""Kill commands at system calls, continue them as their user would, and compare with what nobody disturbed."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cli.runner import (
    TINY,
    assert_same_record,
    assert_same_run,
    call_main,
    comparable,
    differences,
    files,
    load_checkpoint,
    metrics,
    summary,
    the_error_line,
)
from tests.cli.system_calls import count_calls, kill_at
from tests.runs.records import assert_close

SMALL = (*TINY, "training.epochs=2", "training.checkpoint_every=1")

NOTHING_YET = (
    "no such folder; accepted: the folder of a run",
    "this folder holds no run; accepted: the folder of a run, with .hydra/config.yaml and metrics.jsonl",
)
"""What ``resume=`` says where a kill has left nothing to continue."""


@dataclass(frozen=True)
class Command:
    """A command that is killed: its arguments, the folder it writes, and how it is continued."""

    arguments: tuple[str, ...]
    folder: str
    same: Callable[[Path, Path], None] = assert_same_record
    """Fails unless a record and an undisturbed one are the same."""

    @property
    def study(self) -> bool:
        """Whether the same command continues it."""
        return any("sweep=" in argument for argument in self.arguments)

    @property
    def again(self) -> tuple[str, ...]:
        """The arguments that continue it."""
        return self.arguments if self.study else (f"resume={self.folder}",)


def assert_same_parameters(folder: Path, reference: Path) -> None:
    """Fail unless the states of training agree in every bit, and the figures to rounding.

    Members that continue from different checkpoints are evaluated in other groups than before, whose products sum in
    another order.
    """
    kept, expected = load_checkpoint(folder), load_checkpoint(reference)
    assert differences(kept["member"], expected["member"]) == []
    assert_close(comparable(kept), comparable(expected))
    assert_close([*map(comparable, metrics(folder))], [*map(comparable, metrics(reference))])
    assert_close(comparable(summary(folder)), comparable(summary(reference)))
    assert files(folder) == files(reference)


RUN = Command((*SMALL, "hydra.run.dir=run"), "run")

MULTIRUN = Command(
    ("-m", "seed=0,1", *SMALL, "hardware.dtype=float64", "hydra.launcher.probe=false", "hydra.sweep.dir=sweep"),
    "sweep",
    assert_same_parameters,
)

METHODS = ("baseline", "identity_homotopy", "convexity_annealing", "curvature_lr", "hta", "l2_schedule")

LOGGERS = ("tensorboard", "wandb", "mlflow")

STORAGES = {"a journal": "null", "SQLite": "sqlite:///study.db"}


def commands() -> dict[str, Command]:
    """Every method, every tracker, a multirun, and studies on every storage that is a file."""
    found = {"run": RUN, "multirun": MULTIRUN}
    for method in METHODS:
        long = ("training.epochs=26",) if method in ("hta", "l2_schedule") else ()
        found[f"method={method}"] = Command((f"method={method}", *RUN.arguments, *long), "run")
    for logger in LOGGERS:
        found[f"logger={logger}"] = Command((f"logger={logger}", *RUN.arguments), "run", assert_same_run)
    for name, storage in STORAGES.items():
        study = ("hydra.sweeper.study=study", f"hydra.sweeper.storage={storage}", "hydra.sweeper.n_trials=3")
        found[f"a study in {name}"] = Command(("-m", "sweep=lr", *SMALL, *study), "outputs/studies/study")
    return found


def reference(command: Command, cwd: Path) -> Counter[str]:
    """Return how often an undisturbed command makes each system call; its folder stays in ``cwd``."""
    return count_calls(command.arguments, cwd, cwd / "calls.log")


def kill_and_continue(command: Command, cwd: Path, moments: Iterator[tuple[str, int]], undisturbed: Path) -> int:
    """Kill a command and its continuations at moments, let it end, and compare its records.

    Args:
        command: The command.
        cwd: An empty folder.
        moments: System call and number, of the command and then of each continuation.
        undisturbed: The folder in which :func:`reference` ran.

    Returns:
        How many moments came.
    """
    arguments, kills = command.arguments, 0
    for call, number in moments:
        kills += kill_at(call, number, arguments, cwd)
        arguments = next_arguments(command, cwd)
    done = call_main(*arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    compare(cwd / command.folder, undisturbed / command.folder, command.same)
    return kills


def next_arguments(command: Command, cwd: Path) -> tuple[str, ...]:
    """The arguments with which a user goes on after a kill: those of the beginning where nothing has begun."""
    if command.study:
        return command.again
    folder = cwd / command.folder
    if any(folder.rglob("metrics.jsonl")):
        return command.again
    if command is MULTIRUN and (folder / "multirun.yaml").exists() and (folder / "multirun.yaml").stat().st_size:
        return command.again
    if folder.exists():
        line = the_error_line(call_main(*command.again, cwd=cwd))
        assert any(said in line for said in NOTHING_YET) or "its multirun.yaml is damaged" in line, line
    return command.arguments


def compare(folder: Path, undisturbed: Path, same: Callable[[Path, Path], None]) -> None:
    """Fail unless both hold the same runs, which ``same`` compares one by one.

    A trial whose worker was killed runs again in a folder of its own, ``N_attempt2``; the last one counts.
    """
    for run in (path.parent for path in sorted(undisturbed.rglob("metrics.jsonl"))):
        name = run.relative_to(undisturbed)
        attempts = sorted(folder.glob(f"{name}_attempt*")) if run != undisturbed else []
        kept = attempts[-1] if attempts else folder / name
        settings = Path(".hydra", "hydra.yaml")
        if not (kept / settings).exists():  # resume= began this job, and has no settings of Hydra's own
            shutil.copy(run / settings, kept / settings)
        same(kept, run)
