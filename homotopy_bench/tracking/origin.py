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
            multirun = _read(sweep / MULTIRUN)
            if _is_study(multirun):
                return Origin(_study(multirun) or sweep.name, "trial")
            name = sweep.relative_to(outputs) if sweep.is_relative_to(outputs) else sweep.name
            return Origin(str(name), "train")
    return Origin(None, "train")


def _read(file: Path) -> Any:
    """Return the configuration of a multirun as it was written; None where it cannot be read."""
    import yaml

    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return None


def _is_study(multirun: Any) -> bool:
    try:
        return "study" in multirun["hydra"]["sweeper"]
    except (KeyError, TypeError):
        return False


def _study(multirun: Any) -> str | None:
    """Return the name of a study, which may be put together from other settings; None where those are not there."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        return str(OmegaConf.create(multirun).hydra.sweeper.study)
    except OmegaConfBaseException:
        return None
