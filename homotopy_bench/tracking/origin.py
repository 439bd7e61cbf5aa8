"""Find the multirun or the study of a run, in whose folder its own lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

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


def study_options(file: Path) -> dict[str, Any] | None:
    """Return the options ``hydra.sweeper`` of a study from a multirun's file, as written; None where it is no study.

    Raises:
        OSError: If the file cannot be opened.
        DamagedFile: If it cannot be read.
    """
    import yaml

    text = read_configuration(file)
    try:
        options = yaml.safe_load(text)["hydra"]["sweeper"]
    except yaml.YAMLError as error:
        raise DamagedFile(file, f"cannot be read ({type(error).__name__})") from error
    except (KeyError, TypeError):
        return None
    return options if isinstance(options, dict) and "study" in options else None


def _study(file: Path) -> str | None:
    """Return the name of the study in a multirun's file; empty where it cannot be resolved, None without a study."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        options = study_options(file)
        # The name may be put together from the rest of the configuration.
        return None if options is None else str(OmegaConf.create(read_configuration(file)).hydra.sweeper.study)
    except OmegaConfBaseException:  # from settings that are not there
        return ""
    except (OSError, DamagedFile):
        return None
