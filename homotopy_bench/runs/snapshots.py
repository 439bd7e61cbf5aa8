"""Name the states that a run keeps at chosen epochs and values of t, and find them again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from homotopy_bench.core.numerals import is_number


def due_snapshots(asked: Sequence[int | float], epoch: int, t: float, folder: Path) -> list[str]:
    """Return the names of the snapshots to keep at the end of an epoch.

    An epoch is due once. A value of t is due at the end of an epoch where t has reached it and its file is not there: a
    run that is continued from before keeps what it has kept, which is the same, and an adaptive path may go back.

    Args:
        asked: Whole numbers are epochs, all other numbers values of t.
        epoch: Epochs done; 0 before the first step.
        t: Path parameter of the last step.
        folder: Where the snapshots lie.

    Example:
        >>> due_snapshots([2, 0.5, 1.0], epoch=2, t=0.6, folder=Path("nowhere"))
        ['epoch-2', 't-0.5']
        >>> due_snapshots([0, 0.5], epoch=0, t=1.0, folder=Path("nowhere"))
        ['epoch-0']
    """
    names = []
    for value in asked:
        if isinstance(value, int):
            if value == epoch:
                names.append(f"epoch-{value}")
        elif epoch > 0 and t >= value and not (folder / f"t-{value:g}.pt").exists():
            names.append(f"t-{value:g}")
    return names


def kept_snapshots(folder: Path) -> list[Path]:
    """Return the files of the snapshots in a folder, in the order of their names' numbers, epochs first."""

    def order(path: Path) -> tuple[str, float]:
        kind, _, number = path.stem.partition("-")
        return kind, float(number)

    return sorted((path for path in folder.glob("*-*.pt") if is_number(path.stem.partition("-")[2])), key=order)
