"""What every launcher of ours shares: how it is set up, begins a batch, composes a job, and ends when interrupted."""

from __future__ import annotations

import logging
import sys
from abc import ABC
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from hydra.core.utils import configure_log, filter_overrides, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

log = logging.getLogger(__name__)

REPORT = "report"
"""Attribute of the task function that is told of a job's failure and returns the objective of such a job."""


class SweepLauncher(Launcher, ABC):
    """Composes the jobs of a batch itself, and goes on where one of them fails.

    Attributes:
        context: Loader and callbacks of Hydra.
        config: The configuration of the multirun.
        report: Told of a job's failure; returns the objective of such a job.
    """

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives.

        Args:
            hydra_context: Loader and callbacks; its loader is replaced by one that composes many jobs sooner.
            task_function: Not called, but what is told of a job's failure.
            config: The configuration of the multirun.

        Raises:
            InputError: If an option of a tracker holds a credential.
        """
        from homotopy_bench.loggers.credentials import refuse_credentials_in
        from homotopy_bench.sweeps.launchers.composition import SweepLoader

        refuse_credentials_in(config.get("logger"))  # before a sweeper writes its settings into a file
        self._loader = hydra_context.config_loader = SweepLoader(hydra_context.config_loader)
        self.context, self.config = hydra_context, config
        self.report: Callable[[Exception], float] | None = getattr(task_function, REPORT, None)

    def begin(self) -> Path:
        """Return the folder of the multirun, made if it is missing, with Hydra's logging set up."""
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        sweep = Path(str(self.config.hydra.sweep.dir))
        sweep.mkdir(parents=True, exist_ok=True)
        return sweep

    def compose(self, overrides: Sequence[str], number: int) -> DictConfig:
        """Return the configuration of a job, with the section ``hydra``.

        Args:
            overrides: What it is composed from.
            number: Its number in the multirun.
        """
        log.info(f"\t#{number} : {' '.join(filter_overrides(overrides))}")
        composed = self._loader.take_sweep_config(self.config, list(overrides))
        with open_dict(composed):
            composed.hydra.job.id = composed.hydra.job.num = number
        return composed

    def interrupted(self, sweep: Path) -> NoReturn:
        """End an interrupted multirun after naming the command that continues it; a study does so itself.

        Args:
            sweep: Folder of the multirun.

        Raises:
            KeyboardInterrupt: Always.
        """
        if "trial" not in self.config.hydra.sweeper:
            print(f"continue with: homotopy-train resume={sweep}", file=sys.stderr)
        raise KeyboardInterrupt
