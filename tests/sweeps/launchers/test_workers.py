"""What launchers make of what happens to the processes of jobs."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import OmegaConf

from homotopy_bench.config.schema import Config
from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.core.errors import InputError
from homotopy_bench.sweeps.launchers import workers as workers_module
from homotopy_bench.sweeps.launchers.job import checked_config
from homotopy_bench.sweeps.launchers.joblib_workers import JoblibProcesses
from homotopy_bench.sweeps.launchers.ray_workers import RayCluster
from homotopy_bench.sweeps.launchers.submitit_workers import SubmititLocal
from homotopy_bench.sweeps.launchers.worker_job import Interrupted, WorkerJob
from homotopy_bench.sweeps.launchers.workers import WorkerLauncher, _refused
from tests.composing import compose as configuration

PATIENCE = 60


class Refused(WorkerJob):
    """A job whose run in this process can be told from a failure."""

    def run(self) -> JobReturn:
        return JobReturn(task_name="run here")


@pytest.fixture(scope="module")
def loader() -> Iterator[ConfigLoader]:
    configuration()  # sets Hydra up once, which it cannot within what follows
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
        yield GlobalHydra.instance().config_loader()


def job(loader: ConfigLoader, folder: Path, number: int = 0, *overrides: str) -> WorkerJob:
    settings = ("hydra.sweep.dir=sweep", f"hydra.job.num={number}", *overrides)
    composed = compose("config", list(settings), return_hydra_config=True)
    return Refused(number, composed, HydraContext(loader, Callbacks()), "x", folder, ())


class Dying(WorkerLauncher):
    """Jobs that are being started when the launcher is interrupted, and die of being asked to end."""

    def __init__(self) -> None:
        self.stopped = False

    def submit(self, jobs: Sequence[WorkerJob]) -> None:
        self.jobs = jobs

    def ended(self, index: int) -> bool:
        if not self.stopped:
            raise KeyboardInterrupt
        return True

    def outcome(self, index: int) -> JobReturn:
        if (self.jobs[index].folder / "metrics.jsonl").exists():
            back = JobReturn(status=JobStatus.COMPLETED)
            back.return_value = 0.5
            return back
        raise RuntimeError("a worker process managed by the executor was unexpectedly terminated")

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        pass


def test_what_dies_of_a_request_to_end_was_interrupted(loader: ConfigLoader, tmp_path: Path) -> None:
    begun = [job(loader, tmp_path, number) for number in range(4)]
    for number, status in ((1, "completed"), (2, "failed"), (3, "interrupted")):
        begun[number].folder.mkdir(parents=True)
        (begun[number].folder / "summary.json").write_text(json.dumps({"status": status}))
    (begun[1].folder / "metrics.jsonl").touch()
    outcomes = Dying().run_jobs(begun)
    assert [type(outcomes[number]) for number in range(4)] == [Interrupted, JobReturn, RuntimeError, Interrupted]


def test_a_request_to_end_waits_until_all_jobs_are_submitted(loader: ConfigLoader, tmp_path: Path) -> None:
    class Slow(Dying):
        def submit(self, jobs: Sequence[WorkerJob]) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            super().submit(jobs)

        def ended(self, index: int) -> bool:
            assert self.stopped, "nothing is waited for before the jobs are asked to end"
            assert len(self.jobs) == 2
            return super().ended(index)

    outcomes = Slow().run_jobs([job(loader, tmp_path, number) for number in range(2)])
    assert [type(outcomes[number]) for number in range(2)] == [Interrupted, Interrupted]


def test_jobs_are_checked_before_they_are_handed_over(
    loader: ConfigLoader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def look(config: Config) -> None:
        looked.append(config.seed)
        if config.seed == 2:
            raise InputError("dataset", "mnist", "cannot be fetched")

    monkeypatch.setattr(workers_module, "check_requirements", look)
    assert _refused(job(loader, tmp_path, 0, "seed=1")) is None
    refused = _refused(job(loader, tmp_path, 0, "seed=2"))
    assert isinstance(refused, JobReturn)
    assert refused.task_name == "run here"
    assert looked == [1, 2]
    assert "'nothing' not found" in str(_refused(job(loader, tmp_path, 0, "optimizer.lr=${nothing}")))
    # What belongs to Hydra is not resolved: some of it is known only where the job runs.
    assert _refused(job(loader, tmp_path, 0, "+hydra.job.env_set.X=${oc.env:NOT_SET_HERE}")) is None


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_job_that_cannot_begin_or_go_on_says_why(goes_on: bool, tmp_path: Path) -> None:
    if goes_on:
        (tmp_path / "metrics.jsonl").touch()
    raw = configuration("method=baseline", "model=transformer", "dataset=text", "dataset.file=nowhere.txt").to_dict()
    with pytest.raises(InputError, match=r"dataset\.file=.*nowhere\.txt"):
        checked_config(raw, tmp_path, [], by_hydra=True)
    assert (tmp_path / "summary.json").exists() is not goes_on


def test_jobs_go_on_in_new_processes_after_one_was_killed() -> None:
    pool: Any = JoblibProcesses(1)  # given what is no training job
    jobs = [partial(int, "5"), partial(os._exit, 9), partial(int, "7")]
    pool.submit(jobs)
    try:
        deadline = time.monotonic() + PATIENCE
        while not all(pool.ended(index) for index in range(3)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert pool.outcome(0) == 5
        with pytest.raises(RuntimeError, match="terminated"):
            pool.outcome(1)
        assert pool.outcome(2) == 7
    finally:
        pool.stop()
        pool.close()


class Ray:
    """A cluster that has two processors."""

    def is_initialized(self) -> bool:
        return True

    def remote(self, **options: Any) -> Any:
        return lambda function: function

    def cluster_resources(self) -> Mapping[str, float]:
        return {"CPU": 2.0, "memory": 1e9}


@pytest.mark.parametrize(
    ("option", "value", "accepted"),
    [("num_cpus", 3, "at most 2"), ("num_gpus", 0.5, "at most 0"), ("memory", 2e9, "at most 1e\\+09")],
)
def test_ray_is_not_asked_for_what_it_never_has(
    option: str, value: float, accepted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", Ray())

    def cluster(address: str | None, **remote: float) -> RayCluster:
        return RayCluster(OmegaConf.create({"address": address}), OmegaConf.create(remote))

    with pytest.raises(InputError, match=rf"^hydra.launcher.remote.{option}={value}: accepted: {accepted},"):
        cluster(None, **{option: value}).submit([])
    cluster("auto", **{option: value}).submit([])  # where more may come
    cluster(None, num_cpus=2, num_gpus=0, max_retries=3).submit([])


def test_commands_before_local_jobs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^hydra.launcher.setup=\['export X=1'\]: accepted: null"):
        SubmititLocal(str(tmp_path / "%j"), setup=["export X=1"]).submit([])
