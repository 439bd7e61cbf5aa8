"""Define the base of launchers whose jobs run in processes of their own, on this machine or on others.

A job that cannot be run is refused before anything is submitted. A run fails alone, with one line; a run that is asked
to end leaves a checkpoint, and the multirun can be continued.
"""

from __future__ import annotations

import importlib
import json
import logging
import signal
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobRuntime, JobStatus
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from homotopy_bench.config.mapping import own_values
from homotopy_bench.config.validation import validate
from homotopy_bench.core.errors import InputError
from homotopy_bench.runs.requirements import check_requirements
from homotopy_bench.sweeps.launchers.base import SweepLauncher, print_records
from homotopy_bench.sweeps.launchers.job import as_typed, is_trial
from homotopy_bench.sweeps.launchers.worker_job import Interrupted, WorkerJob
from homotopy_bench.tracking.record import refuse_occupied

log = logging.getLogger(__name__)

POLL = 0.2
"""Seconds between two looks at jobs."""

GRACE = 60.0
"""Seconds in which jobs that were asked to end may do so."""

Outcome = JobReturn | BaseException
"""The return value of a job, or the error that prevented it."""


class WorkerLauncher(SweepLauncher, ABC):
    """Runs the jobs of a batch in processes of their own, and waits for all of them."""

    @abstractmethod
    def submit(self, jobs: Sequence[WorkerJob]) -> None:
        """Submit the jobs of a batch; later calls name them by their index.

        Raises:
            InputError: If a package or an option of the launcher does not allow it.
        """

    @abstractmethod
    def ended(self, index: int) -> bool:
        """Return whether a job has ended, in whatever way."""

    @abstractmethod
    def outcome(self, index: int) -> JobReturn:
        """Return the return value of an ended job, or raise the error that prevented it."""

    @abstractmethod
    def stop(self) -> None:
        """Ask each job that has not ended to end, once; jobs that have not begun never do."""

    @abstractmethod
    def close(self) -> None:
        """Release what the next batch does not need."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep Hydra's own loader, which jobs carry with them, then set up as every launcher."""
        self._carried = HydraContext(hydra_context.config_loader, hydra_context.callbacks)
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def run_batch(self, batch: Mapping[int, list[str]], sweep: Path) -> list[JobReturn] | None:
        """Return the results of a batch of jobs, run in processes of their own; None after an interruption."""
        name = str(JobRuntime.instance().get("name"))
        jobs = [
            WorkerJob(number, self.compose(overrides, number), self._carried, name, Path.cwd(), tuple(sys.argv))
            for number, overrides in batch.items()
        ]
        refused = {job.number: _refused(job) for job in jobs}
        outcomes: dict[int, Outcome] = {number: one for number, one in refused.items() if one is not None}
        accepted = [job for job in jobs if job.number not in outcomes]
        if accepted:
            outcomes.update(self.run_jobs(accepted))
        print_records(((job.number, job.overrides, _summary(job)) for job in jobs), sweep)
        self.print_unsent(sweep / str(job.composed.hydra.sweep.subdir) for job in jobs)
        if any(isinstance(error_of(outcome), Interrupted | KeyboardInterrupt) for outcome in outcomes.values()):
            return None
        return [self._result(job, outcomes[job.number]) for job in jobs]

    def run_jobs(self, jobs: Sequence[WorkerJob]) -> dict[int, Outcome]:
        """Return the outcome of every job by its number, after all have ended or have been asked to."""
        outcomes: dict[int, Outcome] = {}
        try:
            with _handling(signal.SIGTERM, signal.default_int_handler):
                try:
                    # Processes inherit that SIGINT is ignored: Ctrl-C in a terminal is for this one alone.
                    with _postponed(signal.SIGTERM), _handling(signal.SIGINT, signal.SIG_IGN):
                        self.submit(jobs)
                    self._wait(jobs, outcomes, float("inf"))
                except KeyboardInterrupt:
                    self.stop()
                    self._wait(jobs, outcomes, time.monotonic() + GRACE)
                    for job in jobs:
                        # A process that is being started dies of what asks it to end, which looks like a failure.
                        if not _settled(job, outcomes.get(job.number)):
                            outcomes[job.number] = Interrupted("asked to end")
        finally:
            self.close()
        return outcomes

    def _wait(self, jobs: Sequence[WorkerJob], outcomes: dict[int, Outcome], until: float) -> None:
        """Collect outcomes until all jobs have ended, or until a time of the monotonic clock."""
        while time.monotonic() < until:
            for index, job in enumerate(jobs):
                if job.number not in outcomes and self.ended(index):
                    try:
                        outcomes[job.number] = self.outcome(index)
                    except Exception as error:
                        outcomes[job.number] = error
                    status = (_summary(job) or {"status": "left no record"})["status"]
                    log.info(f"\t#{job.number} {status}, {len(outcomes)} of {len(jobs)}")
            if all(job.number in outcomes for job in jobs):
                return
            time.sleep(POLL)

    def _result(self, job: WorkerJob, outcome: Outcome) -> JobReturn:
        """Return the result of a job for the sweeper, after reporting its failure."""
        back = outcome if isinstance(outcome, JobReturn) else JobReturn(overrides=job.overrides, task_name=job.name)
        error = error_of(outcome)
        assert error is None or isinstance(error, Exception)
        return back if error is None else self.fail(job.number, back, error)


def needed(package: str, launcher: str) -> Any:
    """Return the imported package that a choice of ``hydra/launcher`` needs; an extra of its name installs it.

    Raises:
        InputError: If it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        accepted = f"{package} is not installed; accepted: pip install 'homotopy-bench[{package}]'"
        raise InputError("hydra/launcher", launcher, accepted) from error


def error_of(outcome: Outcome) -> BaseException | None:
    """Return why a job has no value; None where it has one."""
    if isinstance(outcome, BaseException):
        return outcome
    if outcome.status != JobStatus.FAILED:
        return None
    error: BaseException = outcome._return_value  # the property would print, and raise
    return error


def _refused(job: WorkerJob) -> JobReturn | Exception | None:
    """Return the outcome of a job that cannot be run; None for others."""
    outer = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(job.composed)
    try:
        if not is_trial(job.composed.hydra):
            refuse_occupied(as_typed(job.folder), "hydra.sweep.dir")
        try:
            # Here, once: jobs that begin together would all look for missing data at the same time.
            check_requirements(validate(own_values(job.composed)))
        except InputError:
            return job.run()  # which leaves the record of a failure
    except Exception as error:  # also of an interpolation without a target, which has no configuration to leave
        return error
    finally:
        HydraConfig.instance().cfg = outer
    return None


def _settled(job: WorkerJob, outcome: Outcome | None) -> bool:
    """Return whether a job has ended for good: with a value, or with a record that says why there is none."""
    if outcome is not None and error_of(outcome) is None:
        return True
    summary = _summary(job)
    return summary is not None and summary["status"] != "interrupted"


def _summary(job: WorkerJob) -> dict[str, Any] | None:
    """Return the ``summary.json`` of a job; None where there is none."""
    with suppress(OSError, ValueError):
        summary: dict[str, Any] = json.loads((job.folder / "summary.json").read_text(encoding="utf-8"))
        return summary
    return None


@contextmanager
def _postponed(number: signal.Signals) -> Iterator[None]:
    """Let a signal interrupt at the end of the context, where it comes inside: half a batch could not be waited for.

    Raises:
        KeyboardInterrupt: If it has come.
    """
    came: list[int] = []
    with _handling(number, lambda got, _: came.append(got)):
        yield
    if came:
        raise KeyboardInterrupt


@contextmanager
def _handling(number: signal.Signals, handler: Any) -> Iterator[None]:
    """Handle a signal in another way for a while."""
    previous = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, previous)
