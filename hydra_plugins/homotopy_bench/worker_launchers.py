"""``hydra/launcher=joblib``, ``submitit_local``, ``submitit_slurm`` and ``ray``; their options are in conf/."""

from __future__ import annotations

from homotopy_bench.sweeps.launchers.joblib_workers import JoblibProcesses
from homotopy_bench.sweeps.launchers.ray_workers import RayCluster
from homotopy_bench.sweeps.launchers.submitit_workers import SubmititLocal, SubmititSlurm


class JoblibLauncher(JoblibProcesses):
    """Hydra takes plugins only from this namespace."""


class SubmititLocalLauncher(SubmititLocal):
    """Hydra takes plugins only from this namespace."""


class SubmititSlurmLauncher(SubmititSlurm):
    """Hydra takes plugins only from this namespace."""


class RayLauncher(RayCluster):
    """Hydra takes plugins only from this namespace."""
