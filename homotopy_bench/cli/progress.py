"""Show what a long analysis is at: a live line with a bar in a terminal, otherwise a line now and then."""

from __future__ import annotations

import sys
from types import TracebackType

from homotopy_bench.core.heartbeat import Heartbeat


class AnalysisProgress:
    """Show the steps of an analysis on the standard error.

    Args:
        command: Name of the command, which begins every line.
        steps: How many steps there are at most; those that are kept already are passed over.
    """

    def __init__(self, command: str, steps: int) -> None:
        self._command, self._steps = command, steps
        self._heart: Heartbeat | None = None

    def __enter__(self) -> AnalysisProgress:
        """Return it, showing."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        self._bar = None
        if console.is_terminal:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=console, transient=True)
            self._task = self._bar.add_task("", total=self._steps)
            self._bar.start()
        else:
            self._heart = Heartbeat(self.line)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End showing."""
        if self._bar is not None:
            self._bar.stop()
        if self._heart is not None:
            self._heart.stop()

    def step(self, what: str) -> None:
        """Take the step that begins now."""
        if self._bar is not None:
            self._bar.update(self._task, description=what[:60], advance=1)
        if self._heart is not None:
            self._heart.doing(what)

    def line(self, text: str) -> None:
        """Print a line that stays."""
        print(f"{self._command}: {text}", file=sys.stderr, flush=True)
