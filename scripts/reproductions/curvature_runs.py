"""Rows of runs with ordinary records, and the learning rates that the records tell of."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from homotopy_bench.core import statistics
from homotopy_bench.tracking.record import read_metrics
from reproductions.recorded import recorded

PERCENT = 100.0

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One row of a table: a name and the overrides that make it."""

    name: str
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """One run by its record.

    Attributes:
        overrides: What was asked for.
        summary: Its ``summary.json``.
        folder: Where the record is.
    """

    overrides: tuple[str, ...]
    summary: dict[str, Any]
    folder: Path

    @property
    def accuracy(self) -> float:
        """Test accuracy of the target network after the last step, as a fraction."""
        return float(self.summary["final"]["test_acc_target"])

    @property
    def diverged(self) -> bool:
        """Whether the loss ceased to be finite."""
        return bool(self.summary["status"] == "diverged")

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``."""
        return list(read_metrics(self.folder / "metrics.jsonl"))

    @cached_property
    def trace(self) -> dict[str, NDArray[np.float64]]:
        """``step``, ``lambda_max``, ``kappa`` and ``lr`` at every estimate; without estimates, step and lr of all."""
        traces = [line["curvature"] for line in self.lines if "curvature" in line]
        if traces:
            return {
                name: np.array([value for trace in traces for value in trace[name]], dtype=np.float64)
                for name in traces[0]
            }
        from homotopy_bench import compose

        config = compose(*self.overrides)
        steps = round(self.lines[-1]["step"] / self.lines[-1]["u"])
        table = config.lr_schedule.table(steps, config.optimizer.lr)
        return {"step": np.arange(steps, dtype=np.float64), "lr": np.asarray(table, dtype=np.float64)}

    def mean_rate(self, begin: float, end: float) -> float:
        """Return the mean learning rate at the known steps in [begin, end)."""
        step, rate = self.trace["step"], self.trace["lr"]
        chosen = rate[(step >= begin) & (step < end)]
        return float(chosen.mean()) if chosen.size else float("nan")

    @property
    def failures(self) -> int:
        """Number of estimates that failed."""
        return max((int(line.get("curvature_failures", 0)) for line in self.lines), default=0)


def carry_out_rows(rows: Sequence[Row], folder: Path, seeds: int, processes: int) -> dict[str, list[Run]]:
    """Train whatever of the rows is missing.

    Args:
        rows: The rows, each with a name of its own.
        folder: Where the records are kept, as FOLDER/NAME/SEED.
        seeds: Runs of each row, with seeds 0, 1, ...
        processes: Trainings side by side, each with its own thread.

    Returns:
        Name -> runs in the order of their seeds.
    """
    # One seed of every row before the next: a study that was stopped can be looked at.
    waiting = [(row, seed, folder / row.name) for seed in range(seeds) for row in rows]
    summaries = side_by_side(recorded, [(row.overrides, seed, where) for row, seed, where in waiting], processes)
    runs: dict[str, list[Run]] = {row.name: [] for row in rows}
    for (row, seed, where), summary in zip(waiting, summaries, strict=True):
        runs[row.name].append(Run(row.overrides, summary, where / str(seed)))
    return runs


def mean_rate(runs: Sequence[Run], begin: float, end: float) -> float:
    """Return the mean learning rate of the runs that have any known step in [begin, end); NaN if none has."""
    means = [run.mean_rate(begin, end) for run in runs]
    return float(np.mean([mean for mean in means if not np.isnan(mean)] or [np.nan]))


def side_by_side(work: Callable[..., T], arguments: Sequence[tuple[Any, ...]], processes: int) -> list[T]:
    """Call a function for all arguments, on several processes or, with one, in this one.

    Args:
        work: The function, at the top of its module.
        arguments: What each call takes.
        processes: How many calls are made at a time.

    Returns:
        The results, in order.
    """
    if processes == 1:
        return [work(*one) for one in arguments]
    context = multiprocessing.get_context("spawn")  # a forked torch may hang in its thread pool
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting = [pool.submit(work, *one) for one in arguments]
        return [one.result() for one in waiting]


def mean_and_spread(values: Sequence[float], scale: float = PERCENT, digits: int = 2) -> str:
    """Return ``mean +- standard deviation``, scaled.

    Example:
        >>> mean_and_spread([0.96, 0.98], digits=1)
        '97.0 +- 1.4'
    """
    spread = statistics.standard_deviation(values)
    mean = f"{scale * float(np.mean(values)):.{digits}f}"
    return mean if spread is None else f"{mean} +- {scale * spread:.{digits}f}"


def made_by(run: Run, command: str) -> Iterator[str]:
    """Yield the lines that say what a page was made by."""
    environment = run.summary["environment"]
    versions = ", ".join(f"{key} {value}" for key, value in environment.items() if isinstance(value, str | int))
    yield from ("", "## Made by", "", f"    {command}", "", f"Code {run.summary['code_version']}; {versions}.")
