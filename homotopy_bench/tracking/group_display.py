"""What a group of runs shows while it trains: how many are alive, diverged, pruned, and the best of them so far."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import TaskID

from homotopy_bench.tracking.display import (
    PLAIN_LINES,
    REFRESH_SECONDS,
    Display,
    display,
    percent,
    print_warning,
    progress_bar,
)


class Standing:
    """Where the runs of a group stand.

    Args:
        members: Number of runs.

    Example:
        >>> standing = Standing(3)
        >>> standing.evaluated({"epoch": 2, "t": 1.0, "val_acc_target": 0.5})
        >>> standing.ended({"status": "diverged"})
        >>> str(standing)
        '2 alive  1 diverged  0 pruned  epoch 2  t 1.00  best 50.0 %'
    """

    def __init__(self, members: int) -> None:
        self.members = members
        self.ends: Counter[str] = Counter()
        self.epoch, self.t = 0, 0.0
        self.best: float | None = None

    def evaluated(self, line: Mapping[str, Any]) -> None:
        """Take a line of the metrics of one of them into account."""
        self.epoch, self.t = line["epoch"], line["t"]
        self.best = max(self.best or 0.0, line["val_acc_target"])

    def ended(self, summary: Mapping[str, Any]) -> None:
        """Take the end of one of them into account."""
        self.ends[summary["status"]] += 1

    def __str__(self) -> str:
        """Return it in one line; completed runs are alive, the best accuracy is a target network's in validation."""
        alive = self.members - self.ends.total() + self.ends["completed"]
        ends = f"{self.ends['diverged']} diverged  {self.ends['pruned']} pruned"
        return f"{alive} alive  {ends}  epoch {self.epoch}  t {self.t:.2f}  best {percent(self.best)}"


class GroupLines:
    """Plain lines, for a file or a pipe.

    Args:
        console: Where to print.
        members: Number of runs.
    """

    def __init__(self, console: Console, members: int) -> None:
        self.console = console
        self.standing = Standing(members)
        self._every = self._next = 0
        self._printed = ""

    def start(self, title: str, steps: int, done: int) -> None:
        """Print what trains."""
        self._every = max(steps // PLAIN_LINES, 1)
        self._next = done + self._every
        self._print(_heading(title, self.standing.members))

    def at_step(self, step: int) -> None:
        """Print how the group stands, now and then, where that has changed."""
        if step >= self._next and str(self.standing) != self._printed and self.standing.epoch:
            self._next = step + self._every
            self._print(str(self.standing))

    def evaluated(self, line: Mapping[str, Any]) -> None:
        """Keep an evaluation for the next line."""
        self.standing.evaluated(line)

    def warn(self, message: str) -> None:
        """Print it."""
        print_warning(self.console, message)

    def stop(self) -> None:
        """Print how the group stands in the end."""
        if self.standing.epoch and str(self.standing) != self._printed:
            self._print(str(self.standing))

    def _print(self, line: str) -> None:
        self._printed = line
        self.console.print(line, soft_wrap=True, highlight=False, markup=False)

    def finish(self, summary: Mapping[str, Any], folder: Path) -> None:
        """Count the end of a run."""
        del folder
        self.standing.ended(summary)


class GroupBar:
    """A live progress bar, for a terminal.

    Args:
        console: Where to draw.
        members: Number of runs.
    """

    def __init__(self, console: Console, members: int) -> None:
        self.console = console
        self.standing = Standing(members)
        self._progress = progress_bar(console)
        self._task = TaskID(0)
        self._next = 0.0

    def start(self, title: str, steps: int, done: int) -> None:
        """Print what trains and draw the bar."""
        self.console.print(_heading(title, self.standing.members), soft_wrap=True, highlight=False, markup=False)
        self._task = self._progress.add_task(str(self.standing), total=steps, completed=done)
        self._progress.start()

    def at_step(self, step: int) -> None:
        """Move the bar, if it has not moved a moment ago."""
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + REFRESH_SECONDS
            self._progress.update(self._task, completed=step)

    def evaluated(self, line: Mapping[str, Any]) -> None:
        """Show the best figure of all beside the bar."""
        self.standing.evaluated(line)
        self._progress.update(self._task, completed=line["step"], description=str(self.standing))

    def warn(self, message: str) -> None:
        """Print it above the bar."""
        print_warning(self.console, message)

    def stop(self) -> None:
        """Give the line of the bar back to the terminal."""
        self._progress.stop()

    def finish(self, summary: Mapping[str, Any], folder: Path) -> None:
        """Count the end of a run."""
        del folder
        self.standing.ended(summary)
        self._progress.update(self._task, description=str(self.standing))


def group_display(console: Console, members: int) -> Display:
    """Return a live bar for a terminal and plain lines for anything else; those of a single run for one."""
    if members == 1:
        return display(console)
    return GroupBar(console, members) if console.is_terminal else GroupLines(console, members)


def print_jobs(console: Console, jobs: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Print a line per run: how it ended, and the accuracy of its target network at the end.

    Args:
        console: Where to print.
        jobs: What each run is called, with the content of its ``summary.json``.
    """
    console.print(f"{'status':<12}{'validation':>10}{'test':>9}  job", style="bold", highlight=False)
    for name, summary in jobs:
        final = summary.get("final") or {}
        validation, test = (percent(final.get(f"{split}_acc_target")) for split in ("val", "test"))
        line = f"{summary['status']:<12}{validation:>10}{test:>9}  {name}"
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _heading(title: str, members: int) -> str:
    return f"{members} runs as one program, the first: {title}"
