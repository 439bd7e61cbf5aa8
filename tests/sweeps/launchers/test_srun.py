"""The processes that srun starts train together."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.runner import TINY, TRAIN, run, summary


@pytest.mark.slow
def test_the_tasks_of_srun_make_one_record(slurm_found_by: dict[str, str], tmp_path: Path) -> None:
    gloo = ("hardware=multi_gpu", "hardware.backend=gloo", "hardware.dtype=float64", "training.epochs=2")
    srun = ("srun", "--ntasks=2", "--overcommit", "--kill-on-bad-exit", sys.executable, TRAIN)
    found = {**slurm_found_by, "MASTER_ADDR": "127.0.0.1"}  # the name of the node is known to this Slurm alone
    done = run(*srun, *TINY, *gloo, "hydra.run.dir=run", cwd=tmp_path, **found)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("record: run") == 1
    assert summary(tmp_path / "run")["environment"]["device"] == "2 x cpu"
