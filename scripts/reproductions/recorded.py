"""Train one run, or return its record."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def recorded(overrides: tuple[str, ...], seed: int, folder: Path) -> dict[str, Any]:
    """Return the summary of one run, trained if it is not there.

    Raises:
        SystemExit: If the folder holds the record of another configuration, or the run failed.
    """
    from homotopy_bench.runs.fusing import Fusing
    from reproductions.trained import train_missing

    run = folder / str(seed)
    found = train_missing({run: (*overrides, f"seed={seed}")}, Fusing(), threads=1)
    if run not in found:
        raise SystemExit(f"{run}: failed; see above")
    return found[run]
