"""``hydra/launcher=joblib``: a pool of processes on this machine, each of which runs one job after the other."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from typing import Any

from hydra.core.utils import JobReturn

from homotopy_bench.core.errors import InputError
from homotopy_bench.hardware.processors import check_count
from homotopy_bench.sweeps.launchers.worker_job import Interrupted, WorkerJob, leave_terminal
from homotopy_bench.sweeps.launchers.workers import WorkerLauncher, needed

IDLE = 60
"""Seconds after which a process without a job ends."""

NOT_ENDED = (signal.SIGTERM, signal.SIG_IGN)
"""Signal that ends a job, and its handler in a process that has none: the pool would end with it."""


class JoblibProcesses(WorkerLauncher):
    """Runs jobs in a pool that gets one job per process; jobs in its own queue could not be taken back.

    Args:
        n_jobs: Number of processes; -1 for one per processor that this process may use.
    """

    def __init__(self, n_jobs: Any = -1) -> None:
        self._n_jobs = n_jobs
        self._stopped = False
        self._executor: Any = None

    def submit(self, jobs: Sequence[WorkerJob]) -> None:
        """Start as many jobs as there are processes.

        Raises:
            InputError: If joblib is missing, or ``n_jobs`` is no number of processes.
        """
        count = self._n_jobs
        if not isinstance(count, int) or isinstance(count, bool) or not (count >= 1 or count == -1):
            accepted = "accepted: an integer >= 1, or -1 for one per processor"
            raise InputError("hydra.launcher.n_jobs", count, accepted)
        check_count("hydra.launcher.n_jobs", count)
        joblib = needed("joblib", "joblib")
        self._count = joblib.cpu_count() if count == -1 else count
        self._waiting = deque(enumerate(jobs))
        self._futures: dict[int, Any] = {}
        self._fill()

    def _fill(self) -> None:
        from joblib.externals.loky import get_reusable_executor

        busy = sum(not future.done() for future in self._futures.values())
        while self._waiting and busy < self._count:
            # The next batch of a study finds the processes of this one, which have loaded everything; where one of them
            # was killed, all are replaced.
            self._executor = get_reusable_executor(self._count, timeout=IDLE, initializer=_begin)
            index, job = self._waiting[0]
            try:
                self._futures[index] = self._executor.submit(_run, job)
            except BrokenExecutor:  # just now; the next call replaces them
                return
            self._waiting.popleft()
            busy += 1

    def ended(self, index: int) -> bool:
        """Return whether a job has ended, after starting what waits for a process."""
        self._fill()
        return bool(self._futures[index].done()) if index in self._futures else self._stopped

    def outcome(self, index: int) -> JobReturn:
        """Return the return value of a job.

        Raises:
            Interrupted: If it was stopped before it began.
        """
        if index not in self._futures:
            raise Interrupted("not begun")
        back: JobReturn = self._futures[index].result()
        return back

    def stop(self) -> None:
        """Send SIGTERM to every process of the pool."""
        self._stopped = True
        self._waiting.clear()
        if self._executor is not None:
            for process in list(self._executor._processes):  # numbers of the processes; there is no other way to them
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGTERM)

    def close(self) -> None:
        """Kill the pool if it was stopped; the next batch of a study finds it otherwise."""
        if self._stopped and self._executor is not None:
            self._executor.shutdown(kill_workers=True)


def _begin() -> None:
    leave_terminal()
    signal.signal(*NOT_ENDED)


def _run(job: WorkerJob) -> JobReturn:
    try:
        return job()
    finally:
        signal.signal(*NOT_ENDED)
