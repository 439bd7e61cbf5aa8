"""The sweeper ``hydra/sweeper=optuna`` as Hydra wants it; :mod:`homotopy_bench.sweeps.studies.sweeper` does it."""

from __future__ import annotations

from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class OptunaSweeper(Sweeper):
    """A study of Optuna over any launcher.

    Hydra scans this file at every start, so that nothing heavy is imported before a sweep begins.
    """

    def __init__(self, **options: Any) -> None:
        """Accept the options; they are read, and checked, when the sweep begins."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what the jobs need."""
        self.hydra_context = hydra_context
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Return the best value or values of the study, after its last trial."""
        from homotopy_bench.sweeps.studies.sweeper import sweep

        assert self.hydra_context is not None
        assert self.config is not None
        assert self.launcher is not None
        return sweep(arguments, self.config, self.hydra_context.config_loader, self.launcher)
