"""``hydra/launcher=basic``: Hydra's own launcher, one job after the other, in a folder that is checked and locked."""

from dataclasses import dataclass

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.config_store import ConfigStore
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from homotopy_bench.sweeps.launchers.base import begin_multirun


class OwningLauncher(BasicLauncher):
    """Begins as the other launchers do; Hydra's would write into the folder of another multirun."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep the context, after the checks.

        Raises:
            InputError: If the multirun cannot begin.
        """
        begin_multirun(hydra_context, task_function, config)
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)


@dataclass
class OwningLauncherConf:
    """It has no options."""

    _target_: str = "hydra_plugins.homotopy_bench.basic_launcher.OwningLauncher"


ConfigStore.instance().store(group="hydra/launcher", name="basic", node=OwningLauncherConf, provider="homotopy_bench")
