"""Show a run while it trains: a live bar in a terminal, plain lines in a file, and a short table at the end."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from homotopy_bench.core.heartbeat import Heartbeat
from homotopy_bench.core.inert import inert

REFRESH_SECONDS = 0.2
"""Shortest time between two movements of the bar: drawing it must not cost the loop anything."""

PLAIN_LINES = 20
"""About how many lines a run prints where there is no terminal."""


class Display:
    """Show a run or a group of runs; a method that a class does not define shows nothing."""

    def start(self, title: str, steps: int, done: int) -> None:
        """Begin or continue training, with ``done`` of ``steps`` steps."""

    def at_step(self, step: int) -> None:
        """Take notice that ``step`` steps are done."""

    def evaluated(self, line: Mapping[str, Any]) -> None:
        """Take a line of the metrics."""

    def busy(self, doing: str) -> None:
        """Take notice of work beside the steps, such as ``"records: 20 of 3000 complete"``."""

    def warn(self, message: str) -> None:
        """Take a warning of something beside the training."""

    def note(self, message: str) -> None:
        """Take a line about how a run is trained."""

    def stop(self) -> None:
        """Take notice that training stopped, whatever the reason."""

    def finish(self, summary: Mapping[str, Any], folder: Path) -> None:
        """Take the summary of a run that ended; its record lies in ``folder``."""

    def unsent(self, command: str) -> None:
        """Take the command that sends to a server what the trackers of all runs kept on disk."""


class Silent(Display):
    """Show nothing."""


class OnConsole(Display):
    """Print warnings above a bar if there is one, and the result below it."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def warn(self, message: str) -> None:
        """Print it."""
        print_line(self.console, f"warning: {message}")

    def note(self, message: str) -> None:
        """Print it."""
        print_line(self.console, message)

    def finish(self, summary: Mapping[str, Any], folder: Path) -> None:
        """Print the table and the folder of the record."""
        self.stop()
        print_result(self.console, summary, folder)

    def unsent(self, command: str) -> None:
        """Print it."""
        print_line(self.console, f"not sent yet: {command}")


class PlainLines(OnConsole):
    """Print a line now and then, for a file or a pipe, also where nothing has been evaluated for long."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._heart = Heartbeat(lambda doing: print_line(self.console, doing))

    def start(self, title: str, steps: int, done: int) -> None:
        """Print what trains."""
        self._steps, self._every = steps, max(steps // PLAIN_LINES, 1)
        self._next = done + self._every
        self.print(title)

    def at_step(self, step: int) -> None:
        """Keep the step for a line where nothing has been printed for long."""
        self.busy(f"step {step} of {self._steps}")

    def busy(self, doing: str) -> None:
        """Keep it for a line where nothing has been printed for long."""
        self._heart.doing(doing)

    def stop(self) -> None:
        """Print no more of these lines."""
        self._heart.stop()

    def print(self, text: str) -> None:
        """Print a line."""
        print_line(self.console, text)
        self._heart.said()


class Lines(PlainLines):
    """Print plain lines about a run."""

    def evaluated(self, line: Mapping[str, Any]) -> None:
        """Print an evaluation, unless the last printed one is recent."""
        if line["u"] >= 1.0 or line["step"] >= self._next:
            self._next = line["step"] + self._every
            self.print(describe(line))


class LiveBar(OnConsole, ABC):
    """Draw a live progress bar with figures beside it, for a terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._progress = Progress(
            BarColumn(bar_width=8),
            TextColumn("{task.description}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            refresh_per_second=1 / REFRESH_SECONDS,
        )
        self._task = TaskID(0)
        self._next = 0.0

    @abstractmethod
    def beside(self, line: Mapping[str, Any]) -> str:
        """Return what stands beside the bar after an evaluation."""

    def start(self, title: str, steps: int, done: int) -> None:
        """Print what trains and draw the bar."""
        print_line(self.console, title)
        self._task = self._progress.add_task("", total=steps, completed=done)
        self._progress.start()

    def at_step(self, step: int) -> None:
        """Move the bar, if it has not moved a moment ago."""
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + REFRESH_SECONDS
            self._progress.update(self._task, completed=step)

    def evaluated(self, line: Mapping[str, Any]) -> None:
        """Show the figures of an evaluation beside the bar."""
        self._progress.update(self._task, completed=line["step"], description=self.beside(line))

    def stop(self) -> None:
        """Give the line of the bar back to the terminal."""
        self._progress.stop()


class Bar(LiveBar):
    """Draw a live progress bar for one run."""

    def beside(self, line: Mapping[str, Any]) -> str:
        """Return the figures of the run."""
        return figures(line, 2)


def display(console: Console) -> Display:
    """Return a live bar for a terminal and plain lines for anything else."""
    return Bar(console) if console.is_terminal else Lines(console)


def print_line(console: Console, text: str) -> None:
    """Print a line as it is, however long, but inert: names and reasons may come from foreign files."""
    console.print("\n".join(map(inert, text.split("\n"))), soft_wrap=True, highlight=False, markup=False, emoji=False)


def describe(line: Mapping[str, Any]) -> str:
    """Return an evaluation in one line: epoch, t, learning rate, training loss, accuracy of target and path.

    Example:
        >>> describe({"epoch": 3, "t": 0.5, "lr": 0.001, "train_loss": 0.7,
        ...           "val_acc_target": 0.1, "val_acc_path": 0.625})
        'epoch 3  t 0.500  lr 1.0e-03  loss 0.700  target 10.0 %  path 62.5 %'
    """
    return f"epoch {line['epoch']}  {figures(line, 3)}"


def figures(line: Mapping[str, Any], digits: int) -> str:
    """Return the figures of an evaluation; with two digits, a bar and the time left they fit 80 columns.

    Example:
        >>> figures({"t": 0.5, "lr": 0.001, "train_loss": 0.7, "val_acc_target": 0.1, "val_acc_path": 0.625}, 2)
        't 0.50  lr 1.0e-03  loss 0.70  target 10.0 %  path 62.5 %'
    """
    loss = "-" if line["train_loss"] is None else f"{line['train_loss']:.{digits}f}"
    target, path = percent(line["val_acc_target"]), percent(line["val_acc_path"])
    return f"t {line['t']:.{digits}f}  lr {line['lr']:.1e}  loss {loss}  target {target}  path {path}"


def percent(value: float | None) -> str:
    """Return a fraction as a percentage with one decimal, or a dash for a missing one."""
    return "-" if value is None else f"{100 * value:.1f} %"


def print_result(console: Console, summary: Mapping[str, Any], folder: Path) -> None:
    """Print a short table of the content of ``summary.json``, and the folder of the record."""
    columns = (Column(heading, justify="right") for heading in ("epoch", "t", "validation", "test"))
    table = Table("", *columns, box=None, pad_edge=False, header_style="bold")
    rows = {
        "target network, at the end": (summary["final"], "target"),
        "target network, best on validation": (summary["best"], "target"),
        "somewhere on the path (not ranked)": (summary["best_on_path"], "path"),
    }
    for label, (best, kind) in rows.items():
        if best is not None:
            validation, test = percent(best[f"val_acc_{kind}"]), percent(best.get(f"test_acc_{kind}"))
            table.add_row(label, str(best["epoch"]), f"{best['t']:.3g}", validation, test)
    cost = summary["cost"]
    print_line(console, f"\n{summary['method']} on {summary['dataset']}: {summary['status']}")
    if summary["reason"]:
        print_line(console, summary["reason"])
    console.print(table)
    seconds = f"{cost['train_seconds']:.1f} s, evaluation {cost['eval_seconds']:.1f} s"
    print_line(console, f"{cost['gradient_evaluations']} gradients in {seconds}")
    print_line(console, f"record: {folder}")
