"""Read the records of runs as mappings; a folder whose record cannot be read is a value beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from homotopy_bench.core.files import DamagedFile, read_json
from homotopy_bench.core.inert import inert
from homotopy_bench.report.runs import Run, Unusable
from homotopy_bench.report.runs import read_runs as read_report_runs
from homotopy_bench.tracking.record import read_metrics

if TYPE_CHECKING:
    import pandas as pd

ENDED = ("failed", "interrupted", "pruned", "incomplete")
"""Kinds of folders that a report leaves out, whose record is whole nevertheless: the status says how they ended."""

MOST_LINES = 20
"""Most folders that the text of :class:`RunRecords` names."""


@dataclass(frozen=True)
class RunRecord:
    """Hold the record of one run that has ended, whatever its status.

    Attributes:
        folder: Where it lies.
        summary: The content of ``summary.json``; a number that was not finite is None.
        metrics: The lines of ``metrics.jsonl``, one per evaluation.
    """

    folder: Path
    summary: dict[str, Any]
    metrics: list[dict[str, Any]]

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration, nested; empty where the run failed before it had one."""
        return self.summary.get("config") or {}


class RunRecords(Sequence[RunRecord]):
    """Hold records in the order of their folders, and the folders that have none.

    Attributes:
        left_out: Folders that are running, torn or foreign, each with the reason.
    """

    def __init__(self, records: Sequence[RunRecord], left_out: Sequence[Unusable]) -> None:
        self._records = tuple(records)
        self.left_out = tuple(left_out)

    @overload
    def __getitem__(self, index: int) -> RunRecord: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[RunRecord, ...]: ...

    def __getitem__(self, index: int | slice) -> RunRecord | tuple[RunRecord, ...]:
        """Return a record, or the records of a slice."""
        return self._records[index]

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self._records)

    def __iter__(self) -> Iterator[RunRecord]:
        """Return an iterator over the records."""
        return iter(self._records)

    def __repr__(self) -> str:
        """Return how many runs ended how, and a line for every folder that is left out."""
        ends = Counter(str(record.summary.get("status")) for record in self)
        lines = [f"{len(self)} runs: {', '.join(f'{count} {status}' for status, count in sorted(ends.items()))}"]
        lines += [f"left out: {one.path}: {one.reason}" for one in self.left_out[:MOST_LINES]]
        if len(self.left_out) > MOST_LINES:
            lines.append(f"and {len(self.left_out) - MOST_LINES} more in left_out")
        return "\n".join(inert(" ".join(line.split())) for line in lines)

    def table(self) -> pd.DataFrame:
        """Return a table with one row a run: ``folder`` and every key of the summary, joined by dots.

        ``final.test_acc_target`` is the test accuracy at t = 1, ``config.optimizer.lr`` a setting. A value that a run
        lacks is missing; lists stay lists.

        Raises:
            ModuleNotFoundError: Without pandas, extra ``[pandas]``.
        """
        from homotopy_bench.results.table import run_table

        return run_table(self._records)

    def evaluations(self) -> pd.DataFrame:
        """Return a table with one row an evaluation: the run's folder, data set, model, method and seed, and the line.

        ``folder`` joins it with :meth:`table`.

        Raises:
            ModuleNotFoundError: Without pandas, extra ``[pandas]``.
        """
        from homotopy_bench.results.table import evaluation_table

        return evaluation_table(self._records)


def read_runs(*folders: Path | str) -> RunRecords:
    """Read the records of all runs that have ended in and below folders.

    Runs of every status are among them, those of searches too: ``status`` and ``seed`` tell them apart. The forks of a
    run are not; ``read_runs(RUN / "forks")`` reads them.

    Args:
        folders: Run folders, or folders that hold some at any depth.

    Returns:
        The records, and the folders that are running, torn or foreign in ``left_out``.

    Raises:
        InputError: If a folder does not exist, or no run folder is found at all.

    Example:
        >>> from homotopy_bench import compose, read_runs, train
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> _ = train(compose("model.depth=2", "training.epochs=2", "seed=3"), folder)
        >>> runs = read_runs(folder)
        >>> runs
        1 runs: 1 completed
        >>> runs[0].config["model"]["depth"], [line["epoch"] for line in runs[0].metrics]
        (2, [1, 2])
    """
    records: list[RunRecord] = []
    left_out: list[Unusable] = []
    for found in read_report_runs(folders, tuning=True):
        read = _read(found.path) if isinstance(found, Run) or found.kind in ENDED else found
        if isinstance(read, RunRecord):
            records.append(read)
        else:
            left_out.append(read)
    return RunRecords(records, left_out)


def _read(folder: Path) -> RunRecord | Unusable:
    """Return the record of a folder whose summary has been found whole."""
    try:
        return RunRecord(folder, read_json(folder / "summary.json"), read_metrics(folder / "metrics.jsonl"))
    except DamagedFile as error:
        return Unusable(folder, "damaged", str(error))
    except OSError as error:
        return Unusable(folder, "unreadable", f"{Path(error.filename or folder).name}: {error.strerror}")
