"""Python may give a network and data of its own, which train as the built-in ones do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from homotopy_bench import train
from homotopy_bench.core.errors import InputError
from homotopy_bench.models.module import Module
from homotopy_bench.tracking.record import read_metrics
from tests.cli.runner import call_main, the_error_line
from tests.composing import compose
from tests.training_runs import begin, trained

TINY = ("training.epochs=2", "training.batch_size=30", "dataset.samples=500")

X = np.random.default_rng(0).normal(size=(90, 1, 4, 4))
Y = (X.sum((1, 2, 3)) > 0).astype(np.int64)


def network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def test_a_state_of_a_version_that_left_dropout_to_torch_goes_on() -> None:
    def dropping() -> nn.Module:
        return nn.Sequential(nn.Linear(40, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 10))

    config = replace(compose("method=baseline", *TINY), model=Module.of(dropping))
    state = trained(config, steps=3).member_state(0)
    old = {**state, "buffers": {name: own for name, own in state["buffers"].items() if not name.startswith("2.")}}
    assert len(state["buffers"]) == len(old["buffers"]) + 2
    continued = begin(config)
    continued.load_member_states([old])
    continued.advance()
    assert continued.last_t() == [1.0]
    with pytest.raises(ValueError, match=r"buffers \[\] for .*1\.running_mean"):
        begin(config).load_member_states([{**old, "buffers": {}}])


def test_the_data_of_a_built_in_set_give_the_same_figures(tmp_path: Path) -> None:
    config = compose("method=baseline", *TINY)
    read, tested, _ = config.dataset.read(config.paths.data_root())
    given = train(config, tmp_path / "given", data=(read.x, read.y, torch.from_numpy(tested.x), tested.y)).summary
    own = train(config, tmp_path / "own").summary
    assert (given["final"], given["best"]) == (own["final"], own["best"])
    assert given["dataset"] == "arrays"
    assert given["config_hash"] != own["config_hash"]


def test_the_network_of_a_built_in_model_gives_the_same_figures(tmp_path: Path) -> None:
    config = compose("method=baseline", "model.depth=2", *TINY)
    given = train(config, tmp_path / "given", model=lambda: config.model.build((40,), 10)).summary
    assert given["final"] == train(config, tmp_path / "own").summary["final"]
    assert given["model"] == "module"


@pytest.mark.parametrize("method", ["baseline", "hta", "l2_schedule", "curvature_lr"])
def test_a_module_of_ones_own_trains(method: str, tmp_path: Path) -> None:
    config = compose(f"method={method}", "training.epochs=26", "training.batch_size=20", "optimizer.lr=0.01")
    result = train(config, tmp_path, model=network, data=(X, Y, X, Y))
    assert result.summary["status"] == "completed"
    assert str(result.network) == str(network())
    losses = [line["train_loss"] for line in read_metrics(tmp_path / "metrics.jsonl")]
    assert losses[-1] < losses[0]
    # The command line has neither.
    (tmp_path / "summary.json").unlink()
    line = the_error_line(call_main(f"resume={tmp_path}", cwd=tmp_path))
    assert "were given to train(data=...) in Python" in line


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "two arrays": ({"data": (X, Y)}, "data=2 arrays: accepted: (x, y, x_test, y_test)"),
    "labels of floats": ({"data": (X, Y / 2, X, Y)}, "data: y=float64[90]: x has shape (90, 1, 4, 4); accepted: "),
    "negative labels": ({"data": (X, -Y, X, Y)}, "data: y=int64[90]: "),
    "fewer labels": ({"data": (X, Y, X, Y[:9])}, "data: y_test=int64[9]: x_test has shape (90, 1, 4, 4); accepted: "),
    "labels beyond all classes": ({"data": (X, Y.astype(np.uint64) + 2**63, X, Y)}, "data: y=uint64[90]: "),
    "inputs that are no numbers": (
        {"data": (X * np.nan, Y, X, Y)},
        "data: x=float64[90, 1, 4, 4]: it holds values that",
    ),
    "inputs beyond float32": ({"data": (X * 1e39, Y, X, Y)}, "data: x=float64[90, 1, 4, 4]: it holds values that"),
    "complex inputs": ({"data": (X * 1j, Y, X, Y)}, "data: x=complex128[90, 1, 4, 4]: "),
    "inputs of texts": ({"data": (X.astype(str), Y, X, Y)}, "data: x=<U"),
    "inputs of another shape": ({"data": (X, Y, X[:, :, 1:], Y)}, "data: x_test=(90, 1, 3, 4): x has shape "),
    "no module": ({"model": lambda: 3}, "returns a int; accepted: a function that returns a module"),
    "too many logits": (
        {"model": lambda: nn.Linear(40, 11)},
        "maps inputs (2, 40) to (2, 11); accepted: logits (2, 10)",
    ),
    "other inputs": ({"model": network}, "maps inputs (2, 40) to RuntimeError: mat1 and mat2 shapes cannot be"),
    "no layers to deform": (
        {"model": lambda: nn.Linear(40, 10), "config": compose("method=identity_homotopy", *TINY)},
        "method",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_used_is_named(case: str, tmp_path: Path) -> None:
    given, line = WRONG[case]
    with pytest.raises(InputError) as raised:
        train(**{"config": compose("method=baseline", *TINY), "folder": tmp_path, **given})
    assert line in str(raised.value)
