"""Gather what made the runs of a section or study: commands, versions, hashes of configurations and data, times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from homotopy_bench.report.runs import Run


@dataclass(frozen=True)
class Origin:
    """Hold what made the runs of one section or study; an empty text is what no record tells.

    Attributes:
        code: Versions of the code with its hash.
        torch: Versions of PyTorch.
        processors: Names of the processors.
        configurations: Hashes of the configurations.
        data: Name and MD5 of the data files.
        commands: Command lines of the runs.
        written: Time at which the first and the last record were written, in UTC; empty where times are left out.
    """

    code: tuple[str, ...]
    torch: tuple[str, ...]
    processors: tuple[str, ...]
    configurations: tuple[str, ...]
    data: tuple[str, ...]
    commands: tuple[str, ...]
    written: tuple[str, ...]


def origin(runs: Sequence[Run], *, anonymous: bool) -> Origin:
    """Return the origin of some runs, without commands and times where it is to be anonymous."""

    def distinct(values: Callable[[Run], Iterator[str]]) -> tuple[str, ...]:
        return tuple(sorted({value for run in runs for value in values(run) if value}))

    times = [datetime.fromtimestamp(run.modified / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S") for run in runs]
    return Origin(
        code=tuple(sorted({run.code_version for run in runs})),
        torch=tuple(sorted({run.torch_version for run in runs})),
        processors=tuple(sorted({run.processor for run in runs})),
        configurations=distinct(lambda run: iter([run.config_hash])),
        data=distinct(lambda run: (f"{file.file} md5:{file.md5}" for file in run.data if file.md5)),
        commands=() if anonymous else distinct(lambda run: iter([run.command])),
        written=() if anonymous or not times else (min(times), max(times)),
    )
