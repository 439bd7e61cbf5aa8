"""``hydra/launcher=fused``: the jobs of a multirun as one program."""

# Without "from __future__ import annotations": Hydra runs this file before it is in sys.modules, where dataclass would
# look for what the names in annotations mean.
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

from homotopy_bench.sweeps.launchers.fused import EnsembleLauncher


class FusedLauncher(EnsembleLauncher):
    """Hydra takes plugins only from this namespace."""


@dataclass
class FusedLauncherConf:
    """Options ``hydra.launcher.*``, which :class:`homotopy_bench.runs.fusing.Fusing` explains and checks."""

    _target_: str = "hydra_plugins.homotopy_bench.fused_launcher.FusedLauncher"
    max_members: Any = None
    probe: Any = True
    threads: Any = None


ConfigStore.instance().store(group="hydra/launcher", name="fused", node=FusedLauncherConf, provider="homotopy_bench")
