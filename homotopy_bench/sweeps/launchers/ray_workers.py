"""``hydra/launcher=ray``: tasks of a Ray cluster, or of one that is started on this machine for the multirun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf

from homotopy_bench.core.errors import InputError
from homotopy_bench.sweeps.launchers.worker_job import Interrupted, WorkerJob
from homotopy_bench.sweeps.launchers.workers import WorkerLauncher, needed

RESOURCES = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
"""Option of ``ray.remote`` -> the cluster's name of the resource."""


class RayCluster(WorkerLauncher):
    """Runs jobs as tasks of Ray.

    Args:
        init: Arguments of ``ray.init``.
        remote: Arguments of ``ray.remote`` for every job: processors, GPUs, memory.
    """

    def __init__(self, init: DictConfig, remote: DictConfig) -> None:
        self._init: Any = OmegaConf.to_container(init, resolve=True)
        self._remote: Any = OmegaConf.to_container(remote, resolve=True)
        self._tasks: list[Any] = []

    def submit(self, jobs: Sequence[WorkerJob]) -> None:
        """Submit a task for every job.

        Raises:
            InputError: If Ray is missing or refuses an option, or a job does not fit into the cluster.
        """
        self._ray = needed("ray", "ray")
        try:
            if not self._ray.is_initialized():
                self._ray.init(**self._init)
        except (ConnectionError, TypeError, ValueError) as error:
            raise InputError("hydra.launcher.init", self._init, f"Ray says: {error}") from error
        try:
            run = self._ray.remote(**self._remote)(WorkerJob.__call__)
        except (TypeError, ValueError) as error:
            raise InputError("hydra.launcher.remote", self._remote, f"Ray says: {error}") from error
        if self._init.get("address") is None:  # a job that does not fit would wait for ever; others' clusters may grow
            there = self._ray.cluster_resources()
            for option, name in RESOURCES.items():
                if (self._remote.get(option) or 0) > there.get(name, 0):
                    accepted = f"accepted: at most {there.get(name, 0):g}, which Ray finds on this machine"
                    raise InputError(f"hydra.launcher.remote.{option}", self._remote[option], accepted)
        self._tasks = [run.remote(job) for job in jobs]

    def ended(self, index: int) -> bool:
        """Return whether a task has ended."""
        ready, _ = self._ray.wait([self._tasks[index]], timeout=0, fetch_local=False)
        return bool(ready)

    def outcome(self, index: int) -> JobReturn:
        """Return the return value of a task.

        Raises:
            Interrupted: If it was cancelled.
        """
        try:
            back: JobReturn = self._ray.get(self._tasks[index])
        except self._ray.exceptions.TaskCancelledError:
            raise Interrupted("asked to end") from None
        return back

    def stop(self) -> None:
        """Cancel all tasks."""
        for task in self._tasks:
            self._ray.cancel(task, force=False)

    def close(self) -> None:
        """Keep the connection for the next batch of a study; it ends with this process."""
