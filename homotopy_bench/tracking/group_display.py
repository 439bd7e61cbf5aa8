"""Show a group of runs while it trains: how many are alive, diverged, pruned, and the best of them so far."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from homotopy_bench.loggers.wandb import sync_command
from homotopy_bench.tracking.display import (
    Display,
    LiveBar,
    OnConsole,
    PlainLines,
    display,
    percent,
    print_line,
)


class Standing:
    """Count the runs of a group that are alive, diverged and pruned, and keep their best accuracy.

    Until one of them reaches t = 1, their target networks say little, and the best accuracy on the path is shown too.

    Example:
        >>> standing = Standing(3)
        >>> standing.evaluated({"epoch": 1, "t": 0.5, "val_acc_target": 0.1, "val_acc_path": 0.6})
        >>> standing.ended({"status": "diverged"})
        >>> str(standing)
        '2 alive  1 diverged  0 pruned  epoch 1  t 0.50  best 10.0 %  path 60.0 %'
        >>> standing.evaluated({"epoch": 2, "t": 1.0, "val_acc_target": 0.5, "val_acc_path": 0.5})
        >>> str(standing)
        '2 alive  1 diverged  0 pruned  epoch 2  t 1.00  best 50.0 %'
    """

    def __init__(self, members: int) -> None:
        self.members = members
        self.ends: Counter[str] = Counter()
        self.epoch, self.t = 0, 0.0
        self.best: float | None = None
        self.best_on_path: float | None = None
        self.arrived = False

    def heading(self, title: str) -> str:
        """Return what trains, given the title of the first run."""
        return f"{self.members} runs as one program, the first: {title}"

    def evaluated(self, line: Mapping[str, Any]) -> None:
        """Take a line of the metrics of one of them into account."""
        self.epoch, self.t = line["epoch"], line["t"]
        self.best = max(self.best or 0.0, line["val_acc_target"])
        self.arrived = self.arrived or line["t"] == 1.0
        if line["val_acc_path"] is not None:
            self.best_on_path = max(self.best_on_path or 0.0, line["val_acc_path"])

    def ended(self, summary: Mapping[str, Any]) -> None:
        """Take the end of one of them into account."""
        self.ends[summary["status"]] += 1

    def __str__(self) -> str:
        """Return it in one line; completed runs are alive, the best accuracy is a target network's in validation."""
        path = f"  path {percent(self.best_on_path)}" if self._on_path() else ""
        return f"{self._counts()}  best {percent(self.best)}{path}"

    def short(self) -> str:
        """Return it for a bar, where 80 columns hold one accuracy: the one on the path until a run has arrived."""
        return f"{self._counts()}  path {percent(self.best_on_path)}" if self._on_path() else str(self)

    def _counts(self) -> str:
        alive = self.members - self.ends.total() + self.ends["completed"]
        ends = f"{self.ends['diverged']} diverged  {self.ends['pruned']} pruned"
        return f"{alive} alive  {ends}  epoch {self.epoch}  t {self.t:.2f}"

    def _on_path(self) -> bool:
        return self.best_on_path is not None and not self.arrived


class GroupLines(PlainLines):
    """Print plain lines about a group."""

    def __init__(self, console: Console, members: int) -> None:
        super().__init__(console)
        self.standing = Standing(members)
        self._printed = ""

    def start(self, title: str, steps: int, done: int) -> None:
        """Print what trains."""
        super().start(self.standing.heading(title), steps, done)

    def at_step(self, step: int) -> None:
        """Print how the group stands, now and then, where that has changed."""
        if step >= self._next and self._print_changed():
            self._next = step + self._every
        super().at_step(step)

    def evaluated(self, line: Mapping[str, Any]) -> None:
        """Keep an evaluation for the next line."""
        self.standing.evaluated(line)

    def stop(self) -> None:
        """Print how the group stands in the end."""
        super().stop()
        self._print_changed()

    def finish(self, summary: Mapping[str, Any], _folder: Path) -> None:
        """Count the end of a run."""
        self.standing.ended(summary)

    def _print_changed(self) -> bool:
        """Return whether the group stands otherwise than printed last, after printing it."""
        before, self._printed = self._printed, str(self.standing) if self.standing.epoch else ""
        if self._printed != before:
            self.print(self._printed)
        return self._printed != before


class GroupBar(LiveBar):
    """Draw a live progress bar with the standing of a group."""

    def __init__(self, console: Console, members: int) -> None:
        super().__init__(console)
        self.standing = Standing(members)

    def start(self, title: str, steps: int, done: int) -> None:
        """Print what trains and draw the bar."""
        super().start(self.standing.heading(title), steps, done)
        self._progress.update(self._task, description=self.standing.short())

    def beside(self, line: Mapping[str, Any]) -> str:
        """Return how the group stands after an evaluation of one of its runs."""
        self.standing.evaluated(line)
        return self.standing.short()

    def finish(self, summary: Mapping[str, Any], _folder: Path) -> None:
        """Count the end of a run."""
        self.standing.ended(summary)
        self._progress.update(self._task, description=self.standing.short())


def group_display(console: Console, members: int) -> Display:
    """Return a live bar for a terminal and plain lines for anything else; those of a single run for one."""
    if members == 1:
        return display(console)
    return GroupBar(console, members) if console.is_terminal else GroupLines(console, members)


def print_jobs(console: Console, jobs: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Print a line per run: how it ended, and the accuracy of its target network at the end.

    ``jobs`` are their names, with the contents of ``summary.json``.
    """
    console.print(f"{'status':<12}{'validation':>10}{'test':>9}  job", style="bold", highlight=False)
    for name, summary in jobs:
        final = summary.get("final") or {}
        validation, test = (percent(final.get(f"{split}_acc_target")) for split in ("val", "test"))
        print_line(console, f"{summary['status']:<12}{validation:>10}{test:>9}  {name}")


def print_undrawn(console: Console, folder: Path) -> None:
    """Print the command that draws the pictures of the runs below a folder."""
    command = shlex.join(["homotopy-report", str(folder), "--curves"])
    print_line(console, f"no curves.png were drawn for so many runs; this draws them: {command}")


def print_unsent(console: Console, folders: Iterable[Path]) -> None:
    """Print the command that sends to a server what the trackers of the runs in some folders kept on disk, if any."""
    command = sync_command(folders)
    if command is not None:
        OnConsole(console).unsent(command)
