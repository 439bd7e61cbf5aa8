"""What the sweeper costs per trial: everything of a sweep but the training, around a launcher that trains nothing.

A turn is a whole study, from its options and its space to its table, in a new folder. The launcher writes the record of
every job with a made-up accuracy; that is a file per trial and part of the time. Two learning rates are searched, in
batches of 8. A study of one trial is taken off: what is left is the time of the others, divided by their number.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.sweeps.studies.sweeper import sweep
from homotopy_bench.tracking.record import SCHEMA

TRIALS = (32, 128)
SAMPLERS = ("random", "tpe")
STORAGES = {"journal": None, "sqlite": "sqlite:///{folder}/study.db", "memory": "memory"}
SERVER = "STUDY_URL"
"""Environment variable with the URL of a server, which is then measured too; it gets a new study in every turn."""


class NoTraining(Launcher):
    """Leaves the records of runs that have not been trained."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Need nothing."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:  # noqa: ARG002
        """Write the record of every job.

        Args:
            job_overrides: Of every job.
            initial_job_idx: Number of the first.

        Returns:
            Nothing: the sweeper reads the records.
        """
        for job in job_overrides:
            values = dict(one.split("=", 1) for one in job)
            folder = self._folder / values["hydra.sweep.subdir"]
            folder.mkdir()
            accuracy = 1.0 / (1.0 + abs(float(values["optimizer.lr"]) - 3e-3))
            summary = {"status": "completed", "reason": None, "final": {"val_acc_target": accuracy}, "cost": {}}
            (folder / "summary.json").write_text(json.dumps({"schema": SCHEMA, **summary}))
            (folder / "metrics.jsonl").touch()
        return []


def run(rounds: int) -> dict[str, float]:
    """Measure and return the figures.

    Args:
        rounds: Timed rounds.

    Returns:
        ``sweeper_ms_per_trial_STORAGE_SAMPLER``: milliseconds per trial in a study of 128 trials, with ``_32`` in one
        of 32.
    """
    storages: dict[str, str | None] = dict(STORAGES)
    if SERVER in os.environ:
        storages["server"] = os.environ[SERVER]
    cases = [(name, sampler) for name in storages for sampler in SAMPLERS]
    seconds: dict[tuple[str, str, int], list[float]] = {}
    _study("memory", "tpe", 32)  # imports what the others import
    for turn in range(rounds):
        for name, sampler in cases[turn % len(cases) :] + cases[: turn % len(cases)]:
            for trials in (1, *TRIALS):
                taken = _study(storages[name], sampler, trials)
                seconds.setdefault((name, sampler, trials), []).append(taken)
    figures = {}
    for name, sampler in cases:
        start = median(seconds[name, sampler, 1])
        for trials in TRIALS:
            suffix = "" if trials == max(TRIALS) else f"_{trials}"
            milliseconds = 1e3 * (median(seconds[name, sampler, trials]) - start) / (trials - 1)
            figures[f"sweeper_ms_per_trial_{name}_{sampler}{suffix}"] = milliseconds
    return figures


def _study(storage: str | None, sampler: str, trials: int) -> float:
    """Return the seconds of a whole study."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = "null" if storage is None else storage.format(folder=folder)
        overrides = [
            "sweep=lr_warmup",
            "method=baseline",
            f"hydra.sweep.dir={folder}",
            f"hydra.sweeper.storage='{written}'" if storage else "hydra.sweeper.storage=null",
            f"hydra.sweeper.sampler={sampler}",
            f"hydra.sweeper.n_trials={trials}",
            f"hydra.sweeper.study={folder.name}",
        ]
        with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
            master: Any = compose("config", overrides=overrides, return_hydra_config=True)
            loader = GlobalHydra.instance().config_loader()
            begin = time.perf_counter()
            with redirect_stdout(io.StringIO()):
                sweep(["sweep=lr_warmup", "method=baseline"], master, loader, NoTraining(folder))
            return time.perf_counter() - begin
