"""What a run shows while it trains: a live bar in a terminal, plain lines in a file, and a short table at the end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

REFRESH_SECONDS = 0.2
"""Shortest time between two movements of the bar: drawing it must not cost the loop anything."""

PLAIN_LINES = 20
"""About how many lines a run prints where there is no terminal."""


class Display(Protocol):
    """What the driver of a run tells about it."""

    def start(self, title: str, steps: int, done: int) -> None:
        """Training begins, or continues, with ``done`` of ``steps`` steps."""

    def at_step(self, step: int) -> None:
        """``step`` steps are done."""

    def evaluated(self, line: Mapping[str, Any]) -> None:
        """An evaluation gave this line of the metrics."""

    def warn(self, message: str) -> None:
        """Something beside the training went wrong."""

    def stop(self) -> None:
        """Training stopped, whatever the reason."""

    def finish(self, summary: Mapping[str, Any], folder: Path) -> None:
        """The run ended with this summary; its record lies in ``folder``."""


class Silent:
    """Shows nothing."""

    def start(self, title: str, steps: int, done: int) -> None:
        """Show nothing."""

    def at_step(self, step: int) -> None:
        """Show nothing."""

    def evaluated(self, line: Mapping[str, Any]) -> None:
        """Show nothing."""

    def warn(self, message: str) -> None:
        """Show nothing."""

    def stop(self) -> None:
        """Show nothing."""

    def finish(self, summary: Mapping[str, Any], folder: Path) -> None:
        """Show nothing."""


class Lines:
    """Plain lines, for a file or a pipe.

    Args:
        console: Where to print.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._every = 0
        self._printed = 0

    def start(self, title: str, steps: int, done: int) -> None:
        """Print what trains."""
        self._every, self._printed = max(steps // PLAIN_LINES, 1), done
        self.console.print(title, soft_wrap=True, highlight=False, markup=False)

    def at_step(self, step: int) -> None:
        """Wait for an evaluation."""

    def evaluated(self, line: Mapping[str, Any]) -> None:
        """Print an evaluation, unless the last printed one is recent."""
        if line["u"] < 1.0 and line["step"] < self._printed + self._every:
            return
        self._printed = line["step"]
        self.console.print(describe(line), soft_wrap=True, highlight=False, markup=False)

    def warn(self, message: str) -> None:
        """Print it."""
        print_warning(self.console, message)

    def stop(self) -> None:
        """Leave the lines as they are."""

    def finish(self, summary: Mapping[str, Any], folder: Path) -> None:
        """Print the table and the folder of the record."""
        print_result(self.console, summary, folder)


class Bar:
    """A live progress bar, for a terminal.

    Args:
        console: Where to draw.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress = progress_bar(console)
        self._task = TaskID(0)
        self._next = 0.0

    def start(self, title: str, steps: int, done: int) -> None:
        """Print what trains and draw the bar."""
        self.console.print(title, soft_wrap=True, highlight=False, markup=False)
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
        self._progress.update(self._task, completed=line["step"], description=describe_briefly(line))

    def warn(self, message: str) -> None:
        """Print it above the bar."""
        print_warning(self.console, message)

    def stop(self) -> None:
        """Give the line of the bar back to the terminal."""
        self._progress.stop()

    def finish(self, summary: Mapping[str, Any], folder: Path) -> None:
        """Print the table and the folder of the record, below the bar."""
        self.stop()
        print_result(self.console, summary, folder)


def progress_bar(console: Console) -> Progress:
    """Return a bar with a description and the time that is left, for one task."""
    return Progress(
        BarColumn(bar_width=8),
        TextColumn("{task.description}"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=console,
        refresh_per_second=1 / REFRESH_SECONDS,
    )


def display(console: Console) -> Display:
    """Return a live bar for a terminal and plain lines for anything else."""
    return Bar(console) if console.is_terminal else Lines(console)


def print_warning(console: Console, message: str) -> None:
    """Print a line about something that does not touch the training."""
    console.print(f"warning: {message}", soft_wrap=True, highlight=False, markup=False)


def describe(line: Mapping[str, Any]) -> str:
    """Return an evaluation in one line: epoch, t, learning rate, training loss, accuracy of target and path.

    Example:
        >>> describe({"epoch": 3, "t": 0.5, "lr": 0.001, "train_loss": 0.7,
        ...           "val_acc_target": 0.1, "val_acc_path": 0.625})
        'epoch 3  t 0.500  lr 1.0e-03  loss 0.700  target 10.0 %  path 62.5 %'
    """
    loss = number(line["train_loss"], "{:.3f}")
    return (
        f"epoch {line['epoch']}  t {line['t']:.3f}  lr {line['lr']:.1e}  loss {loss}"
        f"  target {percent(line['val_acc_target'])}  path {percent(line['val_acc_path'])}"
    )


def describe_briefly(line: Mapping[str, Any]) -> str:
    """Return the figures that stand beside a bar; with bar and time left they fit 80 columns.

    Example:
        >>> describe_briefly({"t": 0.5, "lr": 0.001, "train_loss": 0.7, "val_acc_target": 0.1, "val_acc_path": 0.625})
        't 0.50  lr 1.0e-03  loss 0.70  target 10.0 %  path 62.5 %'
    """
    loss = number(line["train_loss"], "{:.2f}")
    return (
        f"t {line['t']:.2f}  lr {line['lr']:.1e}  loss {loss}"
        f"  target {percent(line['val_acc_target'])}  path {percent(line['val_acc_path'])}"
    )


def number(value: float | None, form: str) -> str:
    """Return a formatted number, or a dash for a missing one."""
    return "-" if value is None else form.format(value)


def percent(value: float | None) -> str:
    """Return a fraction as a percentage with one decimal, or a dash for a missing one."""
    return "-" if value is None else f"{100 * value:.1f} %"


def print_result(console: Console, summary: Mapping[str, Any], folder: Path) -> None:
    """Print a run's short table and the folder of its record.

    Args:
        console: Where to print.
        summary: The content of ``summary.json``.
        folder: The run's folder.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "epoch", "t", "validation", "test"):
        table.add_column(heading, justify="left" if not heading else "right")
    rows = {
        "target network, at the end": (summary["final"], "target"),
        "target network, best on validation": (summary["best"], "target"),
        "somewhere on the path (not ranked)": (summary["best_on_path"], "path"),
    }
    for label, (figures, kind) in rows.items():
        if figures is not None:
            table.add_row(
                label,
                str(figures["epoch"]),
                f"{figures['t']:.3g}",
                percent(figures[f"val_acc_{kind}"]),
                percent(figures.get(f"test_acc_{kind}")),
            )
    cost = summary["cost"]
    console.print(f"\n{summary['method']} on {summary['dataset']}: {summary['status']}", highlight=False)
    if summary["reason"]:
        console.print(summary["reason"], soft_wrap=True, highlight=False, markup=False)
    console.print(table)
    console.print(
        f"{cost['gradient_evaluations']} gradients in {cost['train_seconds']:.1f} s, "
        f"evaluation {cost['eval_seconds']:.1f} s",
        highlight=False,
    )
    console.print(f"record: {folder}", soft_wrap=True, highlight=False, markup=False)
