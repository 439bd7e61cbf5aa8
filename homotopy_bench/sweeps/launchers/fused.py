"""Define the launcher ``fused``: prepare all jobs of a multirun as Hydra does, then train them as few ensembles.

torch is loaded when training begins, so that jobs that cannot be run are reported before. A job fails alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobRuntime, JobStatus, env_override
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.folder_lock import FolderLock
from homotopy_bench.core.heartbeat import announced
from homotopy_bench.core.open_files import allow_open_files
from homotopy_bench.runs.fusing import Fusing
from homotopy_bench.sweeps.launchers.base import SweepLauncher, print_records
from homotopy_bench.sweeps.launchers.job import as_typed, begun_by_hydra, checked_config, is_trial, pruning
from homotopy_bench.tracking.record import holds_run, own_new

if TYPE_CHECKING:
    from homotopy_bench.runs.job import Result

log = logging.getLogger(__name__)


@dataclass
class Prepared:
    """Hold a job before and after its training."""

    number: int
    overrides: list[str]
    back: JobReturn  # what the sweeper gets
    composed: DictConfig  # with the section ``hydra``
    folder: Path  # of its record
    goes_on: bool = False  # from the record of an earlier attempt
    lock: FolderLock | None = None
    config: Config | None = None
    error: Exception | None = None
    result: Result | None = None


class EnsembleLauncher(SweepLauncher):
    """Trains the jobs of a batch as ensembles.

    Args:
        options: The fields of :class:`~homotopy_bench.runs.fusing.Fusing`.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Check the options, then set up as every launcher.

        Raises:
            InputError: If an option is wrong.
        """
        # Not before: Hydra would wrap an error of the constructor in its own words.
        self.fusing = Fusing(**self._options)
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def run_batch(self, batch: Mapping[int, list[str]], sweep: Path) -> list[JobReturn] | None:
        """Return the results of a batch of jobs, trained as ensembles; None after an interruption.

        Raises:
            InputError: If they are more than this process may have files open, or differ in their environment.
        """
        allow_open_files(len(batch))
        log.info(f"Launching {len(batch)} jobs as ensembles")
        outer = HydraConfig.instance().cfg
        try:
            jobs = [self._prepare(overrides, number) for number, overrides in batch.items()]
            with env_override(_environment(jobs)):
                finished = self._train([job for job in jobs if job.error is None], sweep)
            results = [self._give_back(job) for job in announced(jobs, "jobs given back", log.info)]
        finally:
            HydraConfig.instance().cfg = outer
        return results if finished else None

    def _prepare(self, overrides: list[str], number: int) -> Prepared:
        """Return a job that is composed and checked, and whose folder has the files that Hydra writes there."""
        composed = self.compose(overrides, number)
        HydraConfig.instance().set_config(composed)
        folder = Path(str(composed.hydra.sweep.dir)) / str(composed.hydra.sweep.subdir)
        settings: Any = HydraConfig.instance().cfg
        for config in (composed, settings):  # the second is a copy of what jobs see of Hydra
            with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
                config.hydra.runtime.output_dir = str(folder.absolute())
        back = JobReturn()
        back.cfg = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
        OmegaConf.set_struct(back.cfg, True)
        back.hydra_cfg = settings
        back.overrides = list(composed.hydra.overrides.task)
        back.working_dir, back.task_name = str(Path.cwd()), JobRuntime.instance().get("name")
        job = Prepared(number, back.overrides, back, composed, folder)
        with env_override(dict(composed.hydra.job.env_set)):
            try:
                self._check(job)
            except Exception as error:
                job.error = error
        return job

    def _check(self, job: Prepared) -> None:
        """Give a job its folder and its typed configuration."""
        key = "hydra.sweep.dir"
        job.goes_on = is_trial(job.composed.hydra) and holds_run(job.folder)
        job.lock = FolderLock(job.folder, key) if job.goes_on else own_new(as_typed(job.folder), key)
        if job.composed.hydra.output_subdir is not None and not job.goes_on:
            hidden = job.folder / str(job.composed.hydra.output_subdir)
            hidden.mkdir(exist_ok=True)
            parts = {"config": job.back.cfg, "hydra": job.back.hydra_cfg, "overrides": job.overrides}
            for name, part in parts.items():
                OmegaConf.save(part, hidden / f"{name}.yaml")
        self.context.callbacks.on_job_start(config=job.composed, task_function=lambda _: None)
        job.config = checked_config(
            OmegaConf.to_container(job.back.cfg, resolve=True),
            job.folder,
            job.overrides,
            begun_by_hydra(job.composed.hydra),
        )

    def _train(self, jobs: Sequence[Prepared], sweep: Path) -> bool:
        """Return whether the training of jobs went to its end; False if it was interrupted."""
        if not jobs:
            return True
        from rich.console import Console

        from homotopy_bench.runs.job import Job
        from homotopy_bench.runs.many import train_members
        from homotopy_bench.runs.member import Member
        from homotopy_bench.tracking.group_display import group_display, print_undrawn

        trained: list[tuple[Prepared, Member]] = []
        for job in announced(jobs, "records begun", log.info):
            assert job.config is not None
            prune = pruning(job.composed.hydra, job.config.training.epochs)
            try:
                written = begun_by_hydra(job.composed.hydra)
                run = Job(job.config, job.folder, job.overrides, prune, by_hydra=written, keeps_network=False)
                trained.append((job, Member.continued(run) if job.goes_on else Member.begin(run)))
            except InputError as error:
                job.error = error
        members, console = [member for _, member in trained], Console()
        log.info(f"{len(members)} records begun")
        try:
            finished = train_members(members, self.fusing, lambda count: group_display(console, count), log.info)
        except KeyboardInterrupt:
            finished = False
        for job, member in trained:
            job.result, job.error = member.result, member.error
        print_records(
            ((job.number, job.overrides, job.result.summary if job.result else None) for job, _ in trained), sweep
        )
        if not all(member.draws for member in members):
            print_undrawn(console, sweep)
        self.print_unsent(job.folder for job, _ in trained)
        return finished

    def _give_back(self, job: Prepared) -> JobReturn:
        """Return the result of a job, after Hydra's callbacks have seen it."""
        back = job.back
        if job.error is not None:
            self.fail(job.number, back, job.error)
        else:
            value = float("nan") if job.result is None else job.result.objective
            back.status, back.return_value = JobStatus.COMPLETED, value
        singleton: Any = HydraConfig.instance()
        singleton.cfg = back.hydra_cfg
        self.context.callbacks.on_job_end(config=job.composed, job_return=back)
        if job.lock is not None:
            job.lock.release()
        return back


def _environment(jobs: Sequence[Prepared]) -> dict[str, str]:
    """Return the environment variables that jobs ask for, which those of one process share.

    Raises:
        InputError: If they ask for different ones.
    """
    first, *others = [dict(job.composed.hydra.job.env_set) for job in jobs]
    if any(one != first for one in others):
        accepted = "jobs that train together share a process; accepted: the same for all, or hydra/launcher=basic"
        raise InputError("hydra.job.env_set", list(first), accepted)
    return first
