"""Define a job of a multirun that another process can run, and that carries its errors back."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path

from hydra import version
from hydra.core.utils import JobReturn, JobRuntime, run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict, read_write

from homotopy_bench.config.mapping import VERSION_BASE
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.portable import portable
from homotopy_bench.tracking.record import holds_run


class Interrupted(Exception):  # it is no error, but has to travel as one
    """Say that a job was asked to end. Hydra carries an exception back from a worker, but no KeyboardInterrupt."""


@dataclass(frozen=True)
class WorkerJob:
    """Hold a job of a multirun in a form that can be pickled and then called."""

    number: int
    composed: DictConfig  # with the section ``hydra``
    context: HydraContext  # for Hydra's ``run_job``
    name: str  # of the program
    directory: Path  # where relative paths begin
    command: tuple[str, ...]  # of the multirun, for the record

    @property
    def folder(self) -> Path:
        """The folder of its record."""
        return self.directory / str(self.composed.hydra.sweep.dir) / str(self.composed.hydra.sweep.subdir)

    @property
    def overrides(self) -> list[str]:
        """The overrides that it was composed from."""
        return [str(override) for override in self.composed.hydra.overrides.task]

    def __call__(self) -> JobReturn:
        """Return its result, run in a process that does nothing else.

        Raises:
            Interrupted: If the process is asked to end before the training begins.
        """
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        os.chdir(self.directory)
        sys.argv = list(self.command)
        version.setbase(VERSION_BASE)
        JobRuntime.instance().set("name", self.name)
        try:
            return self.run()
        except KeyboardInterrupt:
            raise Interrupted("asked to end") from None

    def run(self) -> JobReturn:
        """Return its result, run in this process."""
        setup_globals()
        if holds_run(self.folder):  # a kill must not leave a part of what it was asked for
            with read_write(self.composed), open_dict(self.composed):
                self.composed.hydra.output_subdir = None
        return run_job(
            hydra_context=self.context,
            task_function=_train,
            config=self.composed,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )


def leave_terminal() -> None:
    """Keep Ctrl-C in the launcher's terminal from this process.

    The launcher gets it and asks every job once; a second request would end the job in the middle of a step.
    """
    if hasattr(os, "setpgid") and os.getpid() != os.getsid(0):
        os.setpgid(0, 0)


def _train(composed: DictConfig) -> float:
    """Return the validation accuracy of the target network at the end of a job's training.

    Raises:
        Interrupted: If the training was interrupted.
        InputError: If the configuration cannot be used.
        carried: Whatever else goes wrong, in a form that can be pickled, with the traceback as a note.
    """
    from homotopy_bench.sweeps.launchers.job import train_job
    from homotopy_bench.tracking.display import Silent

    try:
        result = train_job(composed, Silent(), again=True)
    except InputError:
        raise
    except Exception as error:
        carried = portable(error)
        carried.add_note("".join(traceback.format_exception(error)))
        carried.__cause__ = carried.__context__ = None
        raise carried.with_traceback(None) from None
    except KeyboardInterrupt:
        raise Interrupted("asked to end") from None
    if result.summary["status"] == "interrupted":
        raise Interrupted(result.summary["reason"])
    return result.objective
