"""load_run gives the networks whose accuracies the records hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from homotopy_bench import load_run, train
from homotopy_bench.core.errors import InputError
from homotopy_bench.data.base import Samples
from tests.analysis.runs import finished
from tests.composing import compose

SHORT = ("model.depth=3", "model.width=12", "dataset.samples=300", "training.batch_size=60", "training.epochs=6")

METHODS = {
    "baseline": ("method=baseline", "model.block=batchnorm"),
    "identity": ("method=identity_homotopy", "model.init=kaiming"),
    "convexity": ("method=convexity_annealing", "method.theta=per_neuron"),
    "hta": ("method=hta", "method.L=[0.3,0.2]", "method.epochs_per_level=1"),
}


def accuracy(network: nn.Module, samples: Samples) -> float:
    with torch.no_grad():
        logits = network(torch.from_numpy(samples.x).to(next(network.parameters()).dtype))
    return float((logits.argmax(dim=1).numpy() == samples.y).mean())


def summary(folder: Path) -> Any:
    return json.loads((folder / "summary.json").read_text())


@pytest.mark.parametrize("method", METHODS)
def test_the_networks_have_the_accuracies_of_the_record(method: str, tmp_path: Path) -> None:
    trained = train(compose(*SHORT, *METHODS[method], "dataset.standardize=true"), tmp_path)
    run = load_run(tmp_path)
    recorded = summary(tmp_path)
    x, y = run.samples("test")
    assert (x.dtype, x.shape, y.tolist()) == (torch.float32, run.splits.test.x.shape, run.splits.test.y.tolist())
    assert torch.equal(run.network(x), trained.network(x)), "the network that train returns"
    assert not run.network.training
    assert accuracy(run.network, run.splits.test) == recorded["final"]["test_acc_target"]
    assert accuracy(run.network, run.splits.validation) == recorded["final"]["val_acc_target"]
    assert accuracy(run.best_network, run.splits.test) == recorded["best"]["test_acc_target"]
    assert accuracy(run.best_network, run.splits.validation) == recorded["best"]["val_acc_target"]
    assert run.summary == recorded
    assert run.config.hash() == recorded["config_hash"]
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert run.metrics == lines


def test_the_best_network_is_not_the_last_one_where_they_differ(tmp_path: Path) -> None:
    train(compose(*SHORT, "method=baseline", "optimizer.lr=0.05", "training.epochs=12"), tmp_path)
    run = load_run(tmp_path)
    assert run.summary["best"]["epoch"] < run.summary["final"]["epoch"], "chosen so that they differ"
    assert accuracy(run.best_network, run.splits.test) == run.summary["best"]["test_acc_target"]
    assert accuracy(run.network, run.splits.test) == run.summary["final"]["test_acc_target"]
    (tmp_path / "best.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(InputError, match=r"best\.safetensors cannot be used"):
        _ = run.best_network
    (tmp_path / "best.safetensors").unlink()
    with pytest.raises(InputError, match=r"has no best\.safetensors"):
        _ = run.best_network


@pytest.fixture(scope="module")
def multirun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("multirun")
    for number, method in enumerate(("baseline", "identity_homotopy")):
        finished(folder / str(number), f"method={method}", "model.block=batchnorm", f"seed={number}")
    (finished(folder / "2", "method=baseline") / "checkpoint.pt").write_bytes(b"PK")
    finished(folder / "10", "method=baseline", "model.block=batchnorm", "seed=10")
    return folder


def test_members_of_a_multirun_are_one_ensemble(multirun: Path) -> None:
    loaded = load_run(multirun)
    assert [member.folder.name for member in loaded.members] == ["0", "1", "10"]
    ((torn, reason),) = [(one.folder.name, one.reason) for one in loaded.left_out]
    assert (torn, "checkpoint.pt is damaged" in reason) == ("2", True)
    x = torch.from_numpy(loaded.members[0].splits.test.x).double()
    with torch.no_grad():
        together = loaded.ensemble.forward(x.expand(3, *x.shape))
        for k, member in enumerate(loaded.members):
            alone = load_run(member.folder)
            assert torch.allclose(together[k], alone.network(x), rtol=1e-12, atol=1e-12)
            assert accuracy(alone.network, alone.splits.test) == summary(member.folder)["final"]["test_acc_target"]
    with pytest.raises(InputError, match=r"holds 3 runs; accepted: \.members, \.ensemble, or the folder of one run"):
        _ = loaded.network


SMALL_VIT = ("method=baseline", "model=vit", "model.depth=1", "model.width=8", "model.heads=2")


@pytest.mark.parametrize(
    ("first", "change"),
    [
        (("method=baseline",), "model.activation=tanh"),
        # Neither changes a shape or a module.
        (SMALL_VIT, "model.skip=false"),
        (SMALL_VIT, "model.heads=4"),
    ],
)
def test_runs_of_other_architectures_are_no_ensemble(first: tuple[str, ...], change: str, tmp_path: Path) -> None:
    finished(tmp_path / "0", *first)
    finished(tmp_path / "1", *first, change)
    loaded = load_run(tmp_path)
    with pytest.raises(InputError, match="is of another architecture"):
        _ = loaded.ensemble


def test_what_cannot_be_loaded_is_one_line(multirun: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        load_run(tmp_path / "nowhere")
    with pytest.raises(InputError, match="this folder holds no run"):
        load_run(tmp_path)
    with pytest.raises(InputError, match=r"checkpoint\.pt is damaged"):
        load_run(multirun / "2")
    for name in ("a", "b"):
        (finished(tmp_path / name, "method=baseline") / "summary.json").unlink()
    with pytest.raises(InputError, match=r"none of its 2 runs can be loaded; the first, .*: has not ended"):
        load_run(str(tmp_path))
    own = tmp_path / "own"
    data = torch.randn(60, 3), torch.arange(60) % 2
    config = compose("method=baseline", "training.epochs=1", "training.batch_size=20")
    train(config, own, model=lambda: nn.Linear(3, 2), data=(*data, *data))
    with pytest.raises(InputError, match="RUN_DIR="):
        load_run(own)
