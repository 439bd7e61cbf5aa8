"""Define the base of all launchers: compose the jobs of a batch, run them, report failures, end when interrupted."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.core.config_loader import ConfigLoader
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from homotopy_bench.config.compose import experiment_as_typed
from homotopy_bench.config.hydra_section import check_hydra
from homotopy_bench.config.including import trees_in
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.folder_lock import FolderLock
from homotopy_bench.core.included.copies import keep
from homotopy_bench.sweeps.grid import grid_jobs
from homotopy_bench.sweeps.launchers.job import as_typed
from homotopy_bench.tracking.origin import MULTIRUN, NUMBERED
from homotopy_bench.tracking.resumable import failed_by_machine, print_continuing

if TYPE_CHECKING:
    from homotopy_bench.sweeps.launchers.sweep_loader import SweepLoader

log = logging.getLogger(__name__)

REPORT = "report"
"""Attribute of the task function: a callback that takes a job's error and returns the objective of a failed job."""

HELD = "held"
"""Attribute of the task function: an ``ExitStack`` of what is released when the command ends."""


class SweepLauncher(Launcher, ABC):
    """Composes the jobs of a batch itself, and continues where one of them fails.

    Attributes:
        errors: Number of a job of the last batch -> why it failed.
    """

    errors: dict[int, Exception]

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep the context, with its loader replaced by one that composes many jobs faster.

        Raises:
            InputError: If the multirun cannot begin (:func:`begin_multirun`).
        """
        self._loader = begin_multirun(hydra_context, task_function, config)
        self.context, self.config = hydra_context, config
        # None where errors go back to the sweeper
        self.report: Callable[[Exception], float] | None = getattr(task_function, REPORT, None)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Return one result per job: the validation accuracy of the target network, NaN where the job failed.

        Raises:
            InputError: If there are no jobs.
            KeyboardInterrupt: If the multirun or one of its runs was interrupted.
        """
        if not job_overrides:
            raise InputError("--multirun", "0 jobs", "the sweeps have no values; accepted: at least one of each")
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        sweep = Path(str(self.config.hydra.sweep.dir))
        sweep.mkdir(parents=True, exist_ok=True)
        self.errors = {}
        results = self.run_batch({initial_job_idx + n: list(one) for n, one in enumerate(job_overrides)}, sweep)
        goes_on = results is None or any(map(failed_by_machine, self.errors.values()))
        if goes_on and "trial" not in self.config.hydra.sweeper:  # a study names its own command
            print_continuing(sweep)
        if results is None:
            raise KeyboardInterrupt
        return results

    @abstractmethod
    def run_batch(self, batch: Mapping[int, list[str]], sweep: Path) -> list[JobReturn] | None:
        """Return one result per job, number -> overrides, of the multirun in a folder; None after an interruption."""

    def compose(self, overrides: Sequence[str], number: int) -> DictConfig:
        """Return the configuration of a job of the multirun, with the section ``hydra``."""
        log.info(f"\t#{number} : {_shown(filter_overrides(overrides))}")
        composed = self._loader.take_sweep_config(self.config, list(overrides))
        with open_dict(composed):
            composed.hydra.job.id = composed.hydra.job.num = number
        return composed

    def print_unsent(self, folders: Iterable[Path]) -> None:
        """Print how to send what the trackers of these runs kept on disk; a study does so once, after all batches."""
        if "trial" not in self.config.hydra.sweeper:
            from rich.console import Console

            from homotopy_bench.tracking.group_display import print_unsent

            print_unsent(Console(), folders)

    def fail(self, number: int, back: JobReturn, error: Exception) -> JobReturn:
        """Return the result of a failed job, after reporting its error."""
        self.errors[number] = error
        if self.report is None:
            back.status, back.return_value = JobStatus.FAILED, error
        else:
            back.status, back.return_value = JobStatus.COMPLETED, self.report(error)
        return back


def begin_multirun(hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> SweepLoader:
    """Return a loader that has composed every job of a multirun, after locking its folder until the command ends.

    All this is before the folder is written to; Hydra's sweeper would compose the jobs later. From now on it and the
    launcher have them from this loader.

    Args:
        hydra_context: Holds the loader; it is replaced.
        task_function: Holds what ends with the command.
        config: The configuration of the multirun.

    Raises:
        InputError: If an option of Hydra cannot be used, or the folder belongs to another multirun.
    """
    from homotopy_bench.sweeps.launchers.sweep_loader import SweepLoader

    check_hydra(config.hydra)
    # Jobs have copies of the configuration: what the time is in the name of the folder is looked up before, and once.
    str(config.hydra.sweep.dir)
    composing = SweepLoader(hydra_context.config_loader)
    as_written: Any = OmegaConf.to_container(config.hydra, resolve=False)
    for overrides in grid_jobs(as_written, hydra_context.config_loader):
        composing.load_sweep_config(config, overrides)
    held: ExitStack = getattr(task_function, HELD)
    held.enter_context(own_sweep(config.hydra))
    if "trial" not in config.hydra.sweeper:  # a study has its folder when it has its name
        keep(trees_in(as_written["overrides"]["task"]), Path(str(config.hydra.sweep.dir)))
    hydra_context.config_loader = cast("ConfigLoader", composing)
    return composing


def own_sweep(hydra: DictConfig) -> AbstractContextManager[object]:
    """Return the lock of the folder of a new multirun; none of a study, whose workers share theirs.

    Raises:
        InputError: If another process writes it, or it holds a multirun of the same job numbers.
    """
    if "trial" in hydra.sweeper:
        return nullcontext()
    sweep, key = as_typed(Path(str(hydra.sweep.dir))), "hydra.sweep.dir"
    lock = FolderLock(sweep, key)
    written: Any = OmegaConf.to_container(hydra.sweep, resolve=False)
    # An empty file is that of a multirun that was killed before its first job.
    if written["subdir"] == NUMBERED and (sweep / MULTIRUN).exists() and (sweep / MULTIRUN).stat().st_size:
        lock.release()
        accepted = "this folder already holds a multirun; give another one, or continue it with resume=..."
        raise InputError(key, sweep, accepted)
    return lock


def print_records(jobs: Iterable[tuple[int, Sequence[str], Mapping[str, Any] | None]], sweep: Path) -> None:
    """Print how every job (number, overrides, summary) of a multirun ended, but for those without a summary."""
    from rich.console import Console

    from homotopy_bench.tracking.group_display import print_jobs

    console = Console()
    print_jobs(console, [(f"#{number} {_shown(one)}", summary) for number, one, summary in jobs if summary])
    console.print(f"records: {sweep}", soft_wrap=True, highlight=False, markup=False, emoji=False)


def _shown(overrides: Iterable[str]) -> str:
    return " ".join(map(experiment_as_typed, overrides))
