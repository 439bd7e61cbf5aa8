"""``hydra/launcher=submitit_slurm`` and ``submitit_local``: a job of the queue for every job of the multirun."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from abc import ABC
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

from hydra.core.utils import JobReturn
from omegaconf import DictConfig, ListConfig, OmegaConf

from homotopy_bench.core.errors import InputError
from homotopy_bench.sweeps.launchers.worker_job import Interrupted, WorkerJob, leave_terminal
from homotopy_bench.sweeps.launchers.workers import WorkerLauncher, error_of, needed

SHARED = ("timeout_min", "cpus_per_task", "gpus_per_node", "mem_gb", "name", "stderr_to_stdout")
"""Options that submitit knows for every kind of queue; the others belong to one kind."""

LOOK = 10.0
"""Seconds between two calls of ``squeue`` for jobs that seem to have ended without a result."""


class SubmititQueue(WorkerLauncher, ABC):
    """Runs jobs through submitit.

    Args:
        submitit_folder: Where submitit keeps scripts, pickles and logs; ``%j`` stands for the number in the queue.
        options: Parameters of submitit; null leaves a choice to the queue.
    """

    CLUSTER: ClassVar[str]

    def __init__(self, submitit_folder: str, **options: Any) -> None:
        self._folder = submitit_folder
        plain = {
            key: OmegaConf.to_container(value, resolve=True) if isinstance(value, DictConfig | ListConfig) else value
            for key, value in options.items()
        }
        self._options = {key: value for key, value in plain.items() if value is not None}
        self._jobs: list[Any] = []
        self._stopped = False

    def submit(self, jobs: Sequence[WorkerJob]) -> None:
        """Submit all jobs at once.

        Raises:
            InputError: If submitit or Slurm is missing, or an option cannot be used.
        """
        # Some time before the limit the queue sends this; submitit's own choice would start the job from its beginning.
        os.environ.setdefault("SUBMITIT_PREEMPT_SIGNAL", "TERM")
        submitit = needed("submitit", f"submitit_{self.CLUSTER}")
        options = {key if key in SHARED else f"{self.CLUSTER}_{key}": value for key, value in self._options.items()}
        try:
            executor = submitit.AutoExecutor(folder=self._folder, cluster=self.CLUSTER)
            executor.update_parameters(**options)
        except RuntimeError as error:
            accepted = "there is no srun here; accepted: submitit_slurm on a machine that submits to Slurm"
            raise InputError("hydra/launcher", f"submitit_{self.CLUSTER}", accepted) from error
        except (AssertionError, NameError, TypeError, ValueError) as error:
            raise InputError("hydra.launcher", dict(self._options), f"submitit says: {error}") from error
        try:
            self._jobs = executor.map_array(_call, jobs)
        except Exception as error:
            if type(error).__name__ != "FailedJobError":  # what submitit says where sbatch refuses
                raise
            raise InputError("hydra.launcher", self.CLUSTER, f"sbatch says: {error}") from error

    def outcome(self, index: int) -> JobReturn:
        """Return the return value of a job.

        Raises:
            Interrupted: If it was stopped before it began.
            RuntimeError: If it left no result.
        """
        job = self._jobs[index]
        if not job.paths.result_pickle.exists():
            if self._stopped:
                raise Interrupted("not begun")
            raise RuntimeError(f"job {job.job_id} ended without a result; its log: {job.paths.stdout}")
        back: JobReturn = job.result()
        return back

    def stop(self) -> None:
        """Ask the jobs to end that have left no result."""
        self._stopped = True
        for job in self._jobs:
            if job.paths.result_pickle.exists():
                continue
            if self.CLUSTER == "local":  # cancelling would leave it a second; its number is that of its process
                with suppress(ProcessLookupError):
                    os.kill(int(job.job_id), signal.SIGTERM)
            else:
                job.cancel(check=False)

    def close(self) -> None:
        """Do nothing: the queue belongs to others."""


class SubmititLocal(SubmititQueue):
    """Runs jobs as processes of this machine, all at the same time, that are treated as jobs of Slurm are."""

    CLUSTER = "local"

    def submit(self, jobs: Sequence[WorkerJob]) -> None:
        """Submit all jobs at once.

        Raises:
            InputError: As with Slurm, or if there are commands before jobs: a job would be the child of a shell, and a
                request to end would reach the shell alone.
        """
        if "setup" in self._options:
            accepted = "accepted: null; run them in the shell of this command, whose environment jobs have"
            raise InputError("hydra.launcher.setup", self._options["setup"], accepted)
        super().submit(jobs)

    def ended(self, index: int) -> bool:
        """Return whether a job has left a result, or its process has ended."""
        return self._jobs[index].paths.result_pickle.exists() or bool(self._jobs[index].done())


class SubmititSlurm(SubmititQueue):
    """Runs jobs as one array of Slurm.

    A job without a result was killed. Slurm may begin an interrupted one again (a requeue after a preemption or the
    loss of a node), which then continues. In both cases ``squeue`` decides whether the job has ended.
    """

    CLUSTER = "slurm"

    def submit(self, jobs: Sequence[WorkerJob]) -> None:
        """Submit all jobs at once."""
        super().submit(jobs)
        self._queued = {job.job_id for job in self._jobs}
        self._looked = time.monotonic()
        self._absent: dict[int, int] = {}

    def ended(self, index: int) -> bool:
        """Return whether a job has left a final result, or has gone from the queue."""
        job = self._jobs[index]
        left = job.paths.result_pickle.exists()
        if left and (self._stopped or not _interrupted(job)):
            return True
        if self._look():
            for number, other in enumerate(self._jobs):
                self._absent[number] = 0 if other.job_id in self._queued else self._absent.get(number, 0) + 1
        # Twice, as what a node writes may be seen here some seconds later.
        return self._absent.get(index, 0) >= (1 if left or self._stopped else 2)

    def _look(self) -> bool:
        """Return whether Slurm was due to be asked which jobs it has, and answered."""
        now = time.monotonic()
        if now < self._looked + (1.0 if self._stopped else LOOK):
            return False
        self._looked = now
        arrays = sorted({job.job_id.partition("_")[0] for job in self._jobs})
        command = ["squeue", "--noheader", "--array", "--format=%i", f"--jobs={','.join(arrays)}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 and "Invalid job id" not in done.stderr:
            return False
        self._queued = set(done.stdout.split())
        return True


def _interrupted(job: Any) -> bool:
    """Return whether the result that a job left says that it was asked to end."""
    try:
        back = job.result()
    except Exception:  # submitit raises a class of its own, with the traceback of the job as its text
        return "Interrupted" in str(job.exception())
    return isinstance(error_of(back), Interrupted)


def _call(job: WorkerJob) -> JobReturn:
    if os.environ.get("SUBMITIT_EXECUTOR") == "local":  # Slurm may know its processes by their group
        leave_terminal()
    return job()
