"""Launchers whose jobs run in processes of their own, on this machine or on others.

The jobs are composed here and handed to what runs them (:class:`Workers`). A job that cannot be run says so before
anything is handed over. A run that fails does so alone, with its one line; a run that is asked to end leaves a
checkpoint, and the multirun can be continued.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobRuntime, JobStatus
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from homotopy_bench.config.validation import validate
from homotopy_bench.core.errors import InputError
from homotopy_bench.runs.requirements import check_requirements
from homotopy_bench.sweeps.launchers.base import SweepLauncher
from homotopy_bench.sweeps.launchers.job import as_typed
from homotopy_bench.sweeps.launchers.worker_job import Interrupted, WorkerJob
from homotopy_bench.tracking.record import OCCUPIED, holds_run

log = logging.getLogger(__name__)

POLL = 0.2
"""Seconds between two looks at jobs."""

GRACE = 60.0
"""Seconds in which jobs that were asked to end may do so."""


class Workers(ABC):
    """What runs jobs."""

    @abstractmethod
    def submit(self, jobs: Sequence[WorkerJob]) -> None:
        """Hand jobs over."""

    @abstractmethod
    def ended(self, index: int) -> bool:
        """Return whether a job has ended, whatever the way."""

    @abstractmethod
    def outcome(self, index: int) -> JobReturn:
        """Return what an ended job gave back; raise what prevented it."""

    @abstractmethod
    def stop(self) -> None:
        """Ask each job that has not ended to end, once; those that have not begun never do."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything."""


class WorkerLauncher(SweepLauncher, ABC):
    """Runs the jobs of a batch in processes of their own, and waits for all of them."""

    @abstractmethod
    def workers(self, sweep: Path) -> Workers:
        """Return what runs the jobs of a multirun with this folder."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives.

        Args:
            hydra_context: As for the base class; jobs carry its own loader with them.
            task_function: Not called, but what is told of a job's failure.
            config: The configuration of the multirun.
        """
        self.carried = HydraContext(hydra_context.config_loader, hydra_context.callbacks)
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run a batch of jobs.

        Args:
            job_overrides: The overrides of every job.
            initial_job_idx: Number of the first job.

        Returns:
            What every job gives back, in order; its value is the validation accuracy of the target network, NaN where
            the job failed.

        Raises:
            KeyboardInterrupt: If the multirun or one of its runs was interrupted.
        """
        sweep = self.begin()
        jobs = [self._job(list(one), initial_job_idx + n) for n, one in enumerate(job_overrides)]
        outcomes: dict[int, JobReturn | BaseException] = {}
        for job in jobs:
            refused = _refused(job)
            if refused is not None:
                outcomes[job.number] = refused
        accepted = [job for job in jobs if job.number not in outcomes]
        if accepted:
            outcomes.update(self._run(accepted, sweep))
        _print(jobs, sweep)
        interrupted = any(
            isinstance(error_of(outcome), Interrupted | KeyboardInterrupt) for outcome in outcomes.values()
        )
        if interrupted:
            self.interrupted(sweep)
        return [self._back(job, outcomes[job.number]) for job in jobs]

    def _job(self, overrides: list[str], number: int) -> WorkerJob:
        composed = self.compose(overrides, number)
        return WorkerJob(number, composed, self.carried, _name(), Path.cwd(), tuple(sys.argv))

    def _run(self, jobs: Sequence[WorkerJob], sweep: Path) -> dict[int, JobReturn | BaseException]:
        """Return the outcome of every job by its number, after all have ended or have been asked to."""
        outcomes: dict[int, JobReturn | BaseException] = {}
        workers = self.workers(sweep)
        try:
            with _sigterm_interrupts():
                try:
                    with _interrupts_held_back():
                        workers.submit(jobs)
                    _wait(workers, jobs, outcomes, None)
                except KeyboardInterrupt:
                    workers.stop()
                    _wait(workers, jobs, outcomes, time.monotonic() + GRACE)
                    for job in jobs:
                        # A process that is being started dies of what asks it to end, which looks like a failure.
                        if not _settled(job, outcomes.get(job.number)):
                            outcomes[job.number] = Interrupted("asked to end")
        finally:
            workers.close()
        return outcomes

    def _back(self, job: WorkerJob, outcome: JobReturn | BaseException) -> JobReturn:
        """Return what the sweeper gets back of a job, after telling of its failure."""
        back = outcome if isinstance(outcome, JobReturn) else JobReturn(overrides=job.overrides, task_name=job.name)
        error = error_of(outcome)
        if error is None:
            return back
        assert isinstance(error, Exception)
        if self.report is None:
            back.status, back.return_value = JobStatus.FAILED, error
        else:
            back.status, back.return_value = JobStatus.COMPLETED, self.report(error)
        return back


def _refused(job: WorkerJob) -> JobReturn | Exception | None:
    """Return what a job gives back that cannot be run; None for others."""
    if holds_run(job.folder):
        return InputError("hydra.sweep.dir", as_typed(job.folder), OCCUPIED.replace("run.dir", "sweep.dir"))
    outer = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(job.composed)
    try:
        task = OmegaConf.masked_copy(job.composed, [str(key) for key in job.composed if key != "hydra"])
        raw: Any = OmegaConf.to_container(task, resolve=True)
        # Here, once: jobs that begin together would all look for missing data at the same time.
        check_requirements(validate(raw))
    except InputError:
        return job.run()  # which leaves the record of a failure
    except Exception as error:  # an interpolation without a target, which has no configuration to leave
        return error
    finally:
        HydraConfig.instance().cfg = outer
    return None


def _wait(
    workers: Workers,
    jobs: Sequence[WorkerJob],
    outcomes: dict[int, JobReturn | BaseException],
    until: float | None,
) -> None:
    """Collect outcomes until all jobs have ended, or until a time of the monotonic clock."""
    while until is None or time.monotonic() < until:
        for index, job in enumerate(jobs):
            if job.number not in outcomes and workers.ended(index):
                try:
                    outcomes[job.number] = workers.outcome(index)
                except Exception as error:
                    outcomes[job.number] = error
                log.info(f"\t#{job.number} {_status(job)}, {len(outcomes)} of {len(jobs)}")
        if all(job.number in outcomes for job in jobs):
            return
        time.sleep(POLL)


def error_of(outcome: JobReturn | BaseException) -> BaseException | None:
    """Return why a job has no value; None where it has one."""
    if isinstance(outcome, BaseException):
        return outcome
    if outcome.status != JobStatus.FAILED:
        return None
    error: BaseException = outcome._return_value  # the property would print, and raise
    return error


def _settled(job: WorkerJob, outcome: JobReturn | BaseException | None) -> bool:
    """Return whether a job has ended for good: with a value, or with a record that says why there is none."""
    if outcome is not None and error_of(outcome) is None:
        return True
    summary = _summary(job)
    return summary is not None and summary["status"] != "interrupted"


def _summary(job: WorkerJob) -> dict[str, Any] | None:
    path = job.folder / "summary.json"
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return summary


def _status(job: WorkerJob) -> str:
    summary = _summary(job)
    return "left no record" if summary is None else str(summary["status"])


def _print(jobs: Sequence[WorkerJob], sweep: Path) -> None:
    """Print how every job ended, as its record says."""
    from rich.console import Console

    from homotopy_bench.tracking.group_display import print_jobs

    console = Console()
    named = ((f"#{job.number} {' '.join(job.overrides)}", _summary(job)) for job in jobs)
    print_jobs(console, [(name, summary) for name, summary in named if summary is not None])
    console.print(f"records: {sweep}", soft_wrap=True, highlight=False, markup=False)


def _name() -> str:
    return str(JobRuntime.instance().get("name"))


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt, as SIGINT does."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ignore SIGINT while processes are begun, which inherit that: Ctrl-C in a terminal is for this one alone."""
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
