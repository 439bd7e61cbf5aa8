"""Train one job that Hydra composed: begin it or, where an earlier attempt left a record, continue it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.runs.requirements import check_requirements
from homotopy_bench.tracking.record import Record, Request, holds_run
from homotopy_bench.tracking.resumable import with_copies

if TYPE_CHECKING:
    from homotopy_bench.runs.run import Result
    from homotopy_bench.tracking.display import Display


def train_job(composed: DictConfig, show: Display, again: bool = False) -> Result:
    """Return the result of a job, with its record in the folder that Hydra made for it.

    Args:
        composed: Its configuration.
        show: The display.
        again: Whether to continue a record that exists, as a job must that a scheduler has requeued.

    Raises:
        InputError: If the configuration cannot be used.
    """
    from hydra.core.hydra_config import HydraConfig

    runtime = HydraConfig.get()
    folder, overrides = as_typed(Path(runtime.runtime.output_dir)), list(runtime.overrides.task)
    written = begun_by_hydra(runtime)
    config = checked_config(OmegaConf.to_container(composed, resolve=True), folder, overrides, written)

    from homotopy_bench.runs.job import Job
    from homotopy_bench.runs.run import resume, start

    begin = resume if (again or is_trial(runtime)) and holds_run(folder) else start
    prune = pruning(runtime, config.training.epochs)
    return begin(Job(config, folder, overrides, prune, by_hydra=written, keeps_network=False), show)


def is_trial(hydra: Any) -> bool:
    """Return whether a job with this section ``hydra`` is a trial, which goes on where a machine has failed it."""
    return hydra.sweeper.get("trial") is not None


def begun_by_hydra(hydra: Any) -> bool:
    """Return whether Hydra writes ``.hydra/`` for a job with this section ``hydra``."""
    return str(hydra.output_subdir) == ".hydra"


def pruning(hydra: Any, epochs: int) -> Callable[[Mapping[str, Any], int], bool] | None:
    """Return the pruning callback of a job with a section ``hydra``; None unless a study that prunes has begun it."""
    options: Any = OmegaConf.to_container(hydra.sweeper, resolve=True)
    if options.get("trial") is None or options.get("pruner", "none") == "none":
        return None

    from homotopy_bench.sweeps.studies.options import StudyOptions
    from homotopy_bench.sweeps.studies.reporting import Reporter
    from homotopy_bench.sweeps.studies.storage import GONE

    try:
        return Reporter(StudyOptions.model_validate(options), Path(hydra.sweep.dir), epochs).report
    except (InputError, *GONE):  # the sweeper has opened this storage; it is away for now
        return None


def checked_config(raw: Any, folder: Path, overrides: list[str], by_hydra: bool) -> Config:
    """Return the typed configuration of a job; record the failure of a new job that cannot be run.

    Raises:
        InputError: If the configuration cannot be used.
    """
    try:
        config = with_copies(raw, folder)
        check_requirements(config)
    except InputError as error:
        if not holds_run(folder):  # that of a job that goes on stays as it is
            record = Record.create(folder, None if by_hydra else Request(raw, overrides))
            record.finish({"status": "failed", "reason": str(error), "overrides": overrides})
            record.release()
        raise
    return config


def as_typed(folder: Path) -> Path:
    """Return a folder as a user would type it: relative to the working directory where it lies inside."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
