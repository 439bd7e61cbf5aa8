"""Where a run comes from: the multirun or the study whose folder its own lies in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

MULTIRUN = "multirun.yaml"
"""What Hydra's sweepers leave in the folder of a multirun."""

LEVELS = 3
"""Folders above a run's own in which that of its multirun is looked for."""


class Origin(NamedTuple):
    """``group`` names the sweep, None for a single run; ``job_type`` is ``trial`` in a study, else ``train``."""

    group: str | None
    job_type: str


def origin(folder: Path, outputs: Path) -> Origin:
    """Return where a run comes from.

    It is read from the folder, so that a continued run is known again, whatever began it.

    Args:
        folder: The run's folder.
        outputs: Folder of all runs; a multirun in it is named by its path from there.

    Returns:
        The name of the study or of the multirun, and the kind of run.
    """
    folder, outputs = folder.absolute(), outputs.absolute()
    for sweep in list(folder.parents)[:LEVELS]:
        if (sweep / MULTIRUN).is_file():
            sweeper = _sweeper(sweep / MULTIRUN)
            name = sweep.relative_to(outputs) if sweep.is_relative_to(outputs) else sweep.name
            return Origin(sweeper["study"], "trial") if "study" in sweeper else Origin(str(name), "train")
    return Origin(None, "train")


def _sweeper(file: Path) -> dict[str, Any]:
    """Return the settings of a multirun's sweeper as they were written; none where they cannot be read."""
    import yaml

    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))["hydra"]["sweeper"]
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
