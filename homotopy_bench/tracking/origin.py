"""Find the multirun or the study of a run, in whose folder its own lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

MULTIRUN = "multirun.yaml"
"""File of Hydra's sweepers in the folder of a multirun."""

LEVELS = 3
"""Number of folders above a run's own that are searched for that of its multirun."""


class Origin(NamedTuple):
    """``group`` names the sweep, None for a single run; ``job_type`` is ``trial`` in a study, else ``train``."""

    group: str | None
    job_type: str


def origin(folder: Path, outputs: Path) -> Origin:
    """Return the sweep of the run in a folder, read from there: a continued run is known again, whatever began it.

    A multirun in the folder ``outputs`` of all runs is named by its path from there.
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
