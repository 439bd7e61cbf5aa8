"""Find the multirun or the study of a run, in whose folder its own lies."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from homotopy_bench.core.files import DamagedFile, read_configuration

MULTIRUN = "multirun.yaml"
"""File of Hydra's sweepers in the folder of a multirun."""

NUMBERED = "${hydra.job.num}"
"""Option ``hydra.sweep.subdir`` of a multirun whose jobs lie in folders named by their numbers."""

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
            study = _study(sweep / MULTIRUN)
            if study is not None:
                return Origin(study or sweep.name, "trial")
            name = sweep.relative_to(outputs) if sweep.is_relative_to(outputs) else sweep.name
            return Origin(str(name), "train")
    return Origin(None, "train")


def _study(file: Path) -> str | None:
    """Return the name of the study in a multirun's file; empty where it cannot be resolved, None without a study."""
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        multirun = yaml.safe_load(read_configuration(file))
        if "study" not in multirun["hydra"]["sweeper"]:
            return None
        return str(OmegaConf.create(multirun).hydra.sweeper.study)
    except OmegaConfBaseException:  # the name is put together from settings that are not there
        return ""
    except (OSError, DamagedFile, yaml.YAMLError, KeyError, TypeError):
        return None
