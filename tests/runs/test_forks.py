"""Snapshots of a run, and runs that continue them with other orders of the data."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from homotopy_bench import train
from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.runs.forks import begin_child
from homotopy_bench.runs.run import resume
from homotopy_bench.runs.snapshots import kept_snapshots
from homotopy_bench.tracking.checkpoint_file import read_checkpoint
from homotopy_bench.tracking.display import Silent
from homotopy_bench.tracking.record import read_metrics
from tests.cases import CASES
from tests.composing import compose
from tests.runs.records import shown

PARENTS = ("identity-circular/mlp-batchnorm/mnist1d", "hta/mlp-orthogonal/mnist1d")
KEPT = ("training.epochs=4", "training.eval_every=2", "training.snapshots=[0,1,3,0.5,1.0]", "seed=3")


def theta(folder: Path) -> torch.Tensor:
    found: torch.Tensor = read_checkpoint(folder / "checkpoint.pt")["member"]["theta"]
    return found


def parent(case: str, folder: Path, *overrides: str) -> Config:
    config = compose(*CASES[case], *KEPT, *overrides)
    train(config, folder)
    return config


@pytest.mark.parametrize("case", PARENTS)
def test_a_child_with_its_parents_order_ends_where_the_parent_does_and_others_do_not(case: str, tmp_path: Path) -> None:
    config = parent(case, tmp_path)
    kept = kept_snapshots(tmp_path / "snapshots")
    assert [file.stem for file in kept] == ["epoch-0", "epoch-1", "epoch-3", "t-0.5", "t-1"]
    for snapshot in kept:
        own = begin_child(config, [], snapshot, order=3)
        assert resume(own, Silent()).summary["status"] == "completed"
        assert torch.equal(theta(own.folder), theta(tmp_path))
        assert shown(read_metrics(own.folder / "metrics.jsonl")) == shown(read_metrics(tmp_path / "metrics.jsonl"))
    other = begin_child(config, [], kept[1], order=4)
    resume(other, Silent())
    assert not torch.equal(theta(other.folder), theta(tmp_path))
    again = begin_child(config, [], kept[1], order=4)
    assert again.folder == other.folder, "a child that has begun is not begun again"


def test_a_snapshot_of_t_is_of_the_first_epoch_that_has_reached_it(tmp_path: Path) -> None:
    parent(PARENTS[0], tmp_path, "continuation.warmup_fraction=0.7")
    t = [line["t"] for line in read_metrics(tmp_path / "metrics.jsonl")]
    half, arrived = (read_checkpoint(tmp_path / f"snapshots/t-{name}.pt")["member"] for name in ("0.5", "1"))
    assert half["last_t"] >= 0.5
    assert half["step"] < arrived["step"] <= 44
    assert arrived["last_t"] == 1.0 == t[-1]


def test_a_snapshot_is_forked_after_its_evaluations_were_written_anew(tmp_path: Path) -> None:
    config = parent(PARENTS[0], tmp_path)
    file = tmp_path / "metrics.jsonl"
    file.write_text(file.read_text().replace('"train_seconds": ', '"train_seconds": 1000'))  # as after a kill
    child = begin_child(config, [], tmp_path / "snapshots/t-1.pt", order=3)
    assert resume(child, Silent()).summary["status"] == "completed"
    assert torch.equal(theta(child.folder), theta(tmp_path))


def test_a_child_of_the_beginning_is_an_ordinary_run_with_another_order(tmp_path: Path) -> None:
    config = parent(PARENTS[0], tmp_path / "parent")
    child = begin_child(config, [], tmp_path / "parent/snapshots/epoch-0.pt", order=9)
    resume(child, Silent())
    plain = compose(*CASES[PARENTS[0]], *KEPT, "training.data_order=9", "training.snapshots=[]")
    train(plain, tmp_path / "plain")
    assert torch.equal(theta(child.folder), theta(tmp_path / "plain"))
    assert plain.hash() == child.config.hash() != config.hash()


def test_a_snapshot_of_another_run_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    config = parent(PARENTS[0], tmp_path)
    file = tmp_path / "snapshots/epoch-1.pt"
    (tmp_path / "metrics.jsonl").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"metrics\.jsonl: No such file or directory"):
        begin_child(config, [], file, order=1)
    with pytest.raises(InputError, match="is no snapshot of this run's configuration"):
        begin_child(compose(*CASES[PARENTS[0]], *KEPT, "seed=4"), [], file, order=1)
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(InputError, match="cannot be read"):
        begin_child(config, [], file, order=1)
    assert not (tmp_path / "forks").exists()


def test_a_snapshot_after_the_end_is_refused() -> None:
    with pytest.raises(InputError, match=r"training.snapshots=9: an epoch after the last one, training.epochs=4"):
        compose(*CASES[PARENTS[0]], "training.epochs=4", "training.snapshots=[9]")
