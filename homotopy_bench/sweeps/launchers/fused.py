"""The launcher ``fused``: all jobs of a multirun are prepared as Hydra does it, then trained as few programs.

torch is loaded when training begins: jobs that cannot be run say so before. A job that fails does so alone, with its
one line, while the others train.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobRuntime, JobStatus, env_override
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from homotopy_bench.core.errors import InputError
from homotopy_bench.sweeps.launchers.base import SweepLauncher

if TYPE_CHECKING:
    from homotopy_bench.config.schema import Config
    from homotopy_bench.runs.job import Result

log = logging.getLogger(__name__)


@dataclass
class Prepared:
    """A job before it is trained.

    Attributes:
        number: Its number in the multirun.
        back: What the sweeper gets back.
        composed: The composed configuration with the section ``hydra``.
        folder: Folder of its record.
        config: The typed configuration; None where there is none.
        error: Why it cannot be trained.
        result: How it ended.
    """

    number: int
    back: JobReturn
    composed: DictConfig
    folder: Path
    config: Config | None = None
    error: Exception | None = None
    result: Result | None = None


class EnsembleLauncher(SweepLauncher):
    """Trains the jobs of a batch as ensembles.

    Args:
        max_members: See :class:`~homotopy_bench.runs.fusing.Fusing`, as for the others.
        probe: Whether a measurement decides what trains together.
        threads: Host threads of an ensemble.
    """

    def __init__(self, max_members: int | None = None, probe: bool = True, threads: int | None = None) -> None:
        self._options = (max_members, probe, threads)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives.

        Args:
            hydra_context: As for the base class.
            task_function: Not called, but what is told of a job's failure.
            config: The configuration of the multirun.

        Raises:
            InputError: If an option is wrong, or jobs should each have a working directory of their own.
        """
        from homotopy_bench.runs.fusing import Fusing

        # Not before: Hydra would wrap an error of the constructor in its own words.
        self.fusing = Fusing(*self._options)
        if config.hydra.job.chdir:
            accepted = "jobs that train together share a process; accepted: false, or hydra/launcher=basic"
            raise InputError("hydra.job.chdir", True, accepted)
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Train a batch of jobs.

        Args:
            job_overrides: The overrides of every job.
            initial_job_idx: Number of the first job.

        Returns:
            What every job gives back, in order; its value is the validation accuracy of the target network, NaN where
            the job failed.

        Raises:
            KeyboardInterrupt: If the training was interrupted.
        """
        sweep = self.begin()
        log.info(f"Launching {len(job_overrides)} jobs as ensembles")
        outer = HydraConfig.instance().cfg
        try:
            jobs = [self._prepare(list(o), initial_job_idx + n) for n, o in enumerate(job_overrides)]
            finished = self._train([job for job in jobs if job.error is None], sweep)
            for job in jobs:
                self._give_back(job)
        finally:
            HydraConfig.instance().cfg = outer
        if not finished:
            self.interrupted(sweep)
        return [job.back for job in jobs]

    def _prepare(self, overrides: list[str], number: int) -> Prepared:
        """Compose and check a job, make its folder and write the files that Hydra writes there.

        Returns:
            The job; with an error where it cannot be trained.
        """
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
        job = Prepared(number, back, composed, folder)
        with env_override(dict(composed.hydra.job.env_set)):
            try:
                self._check(job)
            except Exception as error:
                job.error = error
        return job

    def _check(self, job: Prepared) -> None:
        """Let a job have a typed configuration and a folder.

        Raises:
            InputError: If it cannot be run.
        """
        from homotopy_bench.config.validation import validate
        from homotopy_bench.loggers.credentials import refuse_credentials_in
        from homotopy_bench.runs.requirements import check_requirements
        from homotopy_bench.sweeps.launchers.dumping import to_yaml
        from homotopy_bench.tracking.record import OCCUPIED, Record, holds_run

        if holds_run(job.folder):
            raise InputError("hydra.sweep.dir", job.folder, OCCUPIED.replace("run.dir", "sweep.dir"))
        refuse_credentials_in(job.composed.get("logger"))  # before any file has them
        job.folder.mkdir(parents=True, exist_ok=True)
        if job.composed.hydra.output_subdir is not None:
            hidden = job.folder / str(job.composed.hydra.output_subdir)
            hidden.mkdir(exist_ok=True)
            overrides = job.composed.hydra.overrides.task
            for name, part in (("config", job.back.cfg), ("hydra", job.back.hydra_cfg), ("overrides", overrides)):
                (hidden / f"{name}.yaml").write_text(to_yaml(part), encoding="utf-8")
        self.context.callbacks.on_job_start(config=job.composed, task_function=_unused)
        raw: Any = OmegaConf.to_container(job.back.cfg, resolve=True)
        try:
            job.config = validate(raw)
            check_requirements(job.config)
        except InputError as error:
            record = Record.create(job.folder, raw, list(job.back.overrides or []))
            record.finish({"status": "failed", "reason": str(error)})
            raise

    def _train(self, jobs: Sequence[Prepared], sweep: Path) -> bool:
        """Train jobs.

        Returns:
            Whether they went to their ends; False if they were interrupted.
        """
        if not jobs:
            return True
        from rich.console import Console

        from homotopy_bench.runs.job import Job
        from homotopy_bench.runs.many import train_members
        from homotopy_bench.runs.member import Member
        from homotopy_bench.sweeps.studies.reporting import pruning
        from homotopy_bench.tracking.group_display import group_display, print_jobs

        members: list[Member] = []
        trained: list[Prepared] = []
        for job in jobs:
            assert job.config is not None
            prune = pruning(job.composed.hydra, job.config.training.epochs)
            try:
                members.append(Member.begin(Job(job.config, job.folder, list(job.back.overrides or []), prune)))
                trained.append(job)
            except InputError as error:
                job.error = error
        console = Console()
        try:
            finished = train_members(members, self.fusing, lambda count: group_display(console, count), log.info)
        except KeyboardInterrupt:
            finished = False
        for job, member in zip(trained, members, strict=True):
            job.result, job.error = member.result, member.error
        rows = ((f"#{job.number} {' '.join(job.back.overrides or [])}", job.result) for job in trained)
        print_jobs(console, [(name, result.summary) for name, result in rows if result is not None])
        console.print(f"records: {sweep}", soft_wrap=True, highlight=False, markup=False)
        return finished

    def _give_back(self, job: Prepared) -> None:
        """Fill in what the sweeper gets back."""
        back = job.back
        if job.error is None or self.report is not None:
            back.status = JobStatus.COMPLETED
            back.return_value = self.report(job.error) if job.error is not None and self.report else _objective(job)
        else:
            back.status, back.return_value = JobStatus.FAILED, job.error
        singleton: Any = HydraConfig.instance()
        singleton.cfg = back.hydra_cfg
        self.context.callbacks.on_job_end(config=job.composed, job_return=back)


def _objective(job: Prepared) -> float:
    """Return the validation accuracy of the target network at the end of training; NaN where there is none."""
    final = None if job.result is None else job.result.summary["final"]
    return float("nan") if final is None else float(final["val_acc_target"])


def _unused(_composed: Any) -> None:
    """Stand for the function that other launchers call with a job's configuration."""
