"""One job as Hydra composed it, begun or, where an earlier attempt at it left a record, continued."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from homotopy_bench.config.validation import validate
from homotopy_bench.core.errors import InputError
from homotopy_bench.loggers.credentials import refuse_credentials_in
from homotopy_bench.runs.requirements import check_requirements
from homotopy_bench.tracking.record import holds_run

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from homotopy_bench.runs.run import Result
    from homotopy_bench.tracking.display import Display


def train_job(composed: DictConfig, show: Display, again: bool = False) -> Result:
    """Train a job, with its record in the folder that Hydra made for it.

    Args:
        composed: Its configuration.
        show: What is shown meanwhile.
        again: Whether a record that is there already belongs to this job: a scheduler starts a job again whose machine
            was lost, and it then continues from its last checkpoint.

    Returns:
        The result.

    Raises:
        InputError: If the configuration cannot be used.
    """
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    runtime = HydraConfig.get()
    folder = as_typed(Path(runtime.runtime.output_dir))
    refuse_credentials_in(composed.get("logger"))  # a record of the failure would keep them
    raw: Any = OmegaConf.to_container(composed, resolve=True)
    overrides = list(runtime.overrides.task)
    try:
        config = validate(raw)
        check_requirements(config)
    except InputError as error:
        from homotopy_bench.tracking.record import Record

        Record.create(folder, raw, overrides).finish({"status": "failed", "reason": str(error)})
        raise

    from homotopy_bench.runs.run import resume, start
    from homotopy_bench.sweeps.studies.reporting import pruning

    begin = resume if again and holds_run(folder) else start
    return begin(config, folder, overrides, show, pruning(runtime, config.training.epochs))


def as_typed(folder: Path) -> Path:
    """Return a folder as a user would type it: relative to the working directory where it lies inside."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
