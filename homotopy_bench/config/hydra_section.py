"""Check the options of Hydra itself that it would use as they are, with whatever comes of it."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from omegaconf import DictConfig, OmegaConf

from homotopy_bench.core.errors import InputError


def check_hydra(section: DictConfig) -> None:
    """Check the folders, the working directory and the level of messages of a run or a multirun.

    Args:
        section: The section ``hydra`` of a composed configuration; what is known only in a job may be missing.

    Raises:
        InputError: At the first option that cannot be used.
    """
    written: Any = OmegaConf.to_container(section, resolve=False)
    for group, key in (("run", "dir"), ("sweep", "dir"), ("sweep", "subdir")):
        if not str(written[group][key]).strip():
            raise InputError(f"hydra.{group}.{key}", "", "accepted: the name of a folder")
    hidden = written["output_subdir"]
    if hidden is not None and PurePath(str(hidden)).name != str(hidden):
        raise InputError("hydra.output_subdir", hidden, "accepted: the name of a folder in that of the run, or null")
    if section.job.chdir:
        raise InputError("hydra.job.chdir", "true", "the paths of a run count from here; accepted: false")
    if not isinstance(written["verbose"], bool | str | list):
        raise InputError("hydra.verbose", written["verbose"], "accepted: true, false, or names of loggers")
