"""Find the folders of runs below a folder."""

from __future__ import annotations

from pathlib import Path

from homotopy_bench.tracking.record import FORKS


def runs_of(folder: Path) -> list[Path]:
    """Return the folders of the runs in and below a folder, sorted by number; not the forks of a run."""

    def order(path: Path) -> list[tuple[int, str]]:
        return [(int(part) if part.isdecimal() else -1, part) for part in path.relative_to(folder).parts]

    found = (path.parent for path in folder.rglob("metrics.jsonl"))
    return sorted((run for run in found if FORKS not in run.relative_to(folder).parts), key=order)
