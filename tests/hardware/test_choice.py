"""What hardware a run has: the options, the choice by the machine, what enters the record, what is refused."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from homotopy_bench import train
from homotopy_bench.core.errors import InputError
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.hardware import energy
from homotopy_bench.hardware.auto import Auto
from homotopy_bench.hardware.cpu import CPU
from homotopy_bench.hardware.cuda import CUDA
from homotopy_bench.hardware.determinism import FIXED, WORKSPACE
from homotopy_bench.runs.job import Job
from homotopy_bench.runs.run import resume
from homotopy_bench.tracking.display import Silent
from homotopy_bench.tracking.record import read_metrics
from homotopy_bench.tracking.resumable import read_run
from homotopy_bench.training.trainer import Trainer
from tests.cases import CASES, DATASETS, MODELS
from tests.cli.runner import call_main
from tests.composing import compose
from tests.hardware.test_meta import splits_without_content
from tests.training_runs import configs, trained

TINY = ("method=baseline", "model.depth=2", "model.width=4", "dataset.samples=500", "training.epochs=2")


@pytest.fixture
def two_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PyTorch see two CUDA devices."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"device {index}")


@pytest.fixture
def no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PyTorch see no CUDA device."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


@pytest.mark.usefixtures("two_devices")
def test_a_cuda_device_is_chosen_where_there_is_one() -> None:
    auto = Auto(threads=3, deterministic=True)
    assert auto.on_this_machine() == CUDA(threads=3, deterministic=True, dtype="bfloat16")
    assert auto.reason() == "PyTorch sees 2 CUDA devices here, of which device 0 is the first"
    assert Auto(dtype="float32").on_this_machine() == CUDA(dtype="float32")


@pytest.mark.usefixtures("two_devices")
def test_an_index_beyond_the_devices_is_named() -> None:
    assert CUDA(index=1).device() == torch.device("cuda", 1)
    with pytest.raises(InputError, match=r"^hardware\.index=2: PyTorch .* sees 2 CUDA devices here; accepted: 0 to 1$"):
        CUDA(index=2).device()


@pytest.mark.usefixtures("no_device")
def test_the_record_has_the_chosen_hardware_and_the_reason(tmp_path: Path) -> None:
    result = train(compose(*TINY, "hardware=auto", "hardware.dtype=float64"), tmp_path / "run")
    expected = compose(*TINY, "hardware=cpu", "hardware.dtype=float64")
    assert result.summary["config"]["hardware"] == expected.to_dict()["hardware"]
    assert result.summary["config_hash"] == expected.hash()
    config, _, _ = read_run(tmp_path / "run")
    assert config.hardware == CPU(dtype="float64")
    reason = f"hardware=cpu: PyTorch {torch.__version__} sees no CUDA device here"
    assert (tmp_path / "run" / "train.log").read_text().count(reason) == 1
    assert config.hardware.reason() == ""


@pytest.mark.usefixtures("no_device")
def test_the_command_says_once_what_it_chose_and_why(tmp_path: Path) -> None:
    why = f"hardware=cpu: PyTorch {torch.__version__} sees no CUDA device here"
    one = call_main(*TINY, "hardware=auto", cwd=tmp_path)
    many = call_main("-m", *TINY, "hardware=auto", "seed=0,1", "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert [(done.returncode, done.stdout.count(why)) for done in (one, many)] == [(0, 1), (0, 1)], many.stdout
    assert why not in call_main(*TINY, cwd=tmp_path).stdout
    for job in "01":
        assert read_run(tmp_path / "sweep" / job)[0].hardware == CPU()


@pytest.mark.usefixtures("no_device")
def test_a_run_that_chose_goes_on_with_its_choice(tmp_path: Path) -> None:
    config = compose(*TINY, "hardware=auto", "training.checkpoint_every=1")
    with pytest.raises(ZeroDivisionError):
        train(config, tmp_path / "run", on_evaluation=lambda line: 1 / (2 - line["epoch"]))
    recorded, overrides, status = read_run(tmp_path / "run")
    assert (recorded.hardware.name, status) == ("cpu", None)
    continued = resume(Job(recorded, tmp_path / "run", overrides), Silent())
    assert continued.summary["status"] == "completed"


def test_keys_that_are_newer_change_no_hash_at_their_defaults() -> None:
    """Of the default configuration and of one on a device, as they were before the keys."""
    assert (compose().hash(), compose("hardware=cuda").hash()) == ("b38d6a8305cf", "163cbfc551e5")
    changes = ("hardware.deterministic=true", "hardware.channels_last=true", "hardware.dtype=float64")
    assert len({compose().hash(), *(compose(change).hash() for change in changes)}) == 4


def fail_within(expected: tuple[object, ...], found: tuple[object, ...]) -> None:
    assert expected == found
    raise ZeroDivisionError


def test_the_process_is_afterwards_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WORKSPACE, raising=False)
    cudnn = torch.backends.cudnn

    def state() -> tuple[object, ...]:
        flags = (torch.are_deterministic_algorithms_enabled(), cudnn.deterministic, cudnn.benchmark)
        precisions = (torch.backends.cuda.matmul.fp32_precision, vars(type(cudnn))["conv"].fp32_precision)
        return (*flags, *precisions, os.environ.get(WORKSPACE))

    before = state()
    with CUDA(dtype="tf32").settings():
        assert state() == (False, *before[1:3], "tf32", "tf32", None)
    with CUDA(dtype="float32", deterministic=True).settings():
        assert state() == (True, True, False, "ieee", "ieee", FIXED)
    assert state() == before
    with pytest.raises(ZeroDivisionError), CPU(deterministic=True).settings():
        fail_within((True, True, False, *before[3:5], FIXED), state())
    assert state() == before


def test_deterministic_runs_have_the_same_bits(tmp_path: Path) -> None:
    shared = (*CASES["identity-circular/cnn/mnist1d"], "training.epochs=2", "hardware.deterministic=true")
    seen: list[bool] = []

    def look(_: object) -> None:
        seen.append(torch.are_deterministic_algorithms_enabled())

    ours, again = (train(compose(*shared), tmp_path / name, on_evaluation=look) for name in "ab")
    assert set(seen) == {True}
    assert ours.summary["final"] == again.summary["final"]
    for one, other in zip(ours.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_speed_is_in_the_record(tmp_path: Path) -> None:
    result = train(compose(*TINY, "training.batch_size=60"), tmp_path / "run")
    cost = result.summary["cost"]
    assert cost["samples_per_second"] == pytest.approx(2 * 6 * 60 / cost["train_seconds"])
    assert cost["members_per_second"] == pytest.approx(1 / cost["train_seconds"])
    first = read_metrics(tmp_path / "run" / "metrics.jsonl")[0]["cost"]
    assert first["members_per_second"] == pytest.approx(0.5 / first["train_seconds"])
    assert "joules" not in cost


def test_the_energy_of_the_steps_is_in_the_record_where_it_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = count(100.0, 2.0)  # before the steps of an epoch and after them
    monkeypatch.setattr(CPU, "joules", lambda _: next(looks))
    result = train(compose(*TINY), tmp_path / "run")
    lines = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert [line["cost"]["joules"] for line in lines] == [2.0, 4.0]
    assert result.summary["cost"]["joules"] == 4.0


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A package pynvml that knows one device, whose counter stands at 5 kJ."""

    class NVMLError(Exception):
        pass

    def handle(uuid: str) -> str:
        if uuid != "GPU-a":
            raise NVMLError("not found")
        return uuid

    package = SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=handle,
        nvmlDeviceGetTotalEnergyConsumption=lambda _: 5_000_000,
    )
    monkeypatch.setitem(sys.modules, "pynvml", package)
    energy._nvml.cache_clear()
    yield package
    energy._nvml.cache_clear()


@pytest.mark.usefixtures("nvml")
def test_energy_is_read_in_joules() -> None:
    assert (energy.total_joules("GPU-a"), energy.total_joules("GPU-b")) == (5000.0, None)


def test_without_the_package_or_its_driver_there_is_no_energy(
    nvml: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise nvml.NVMLError("driver not loaded")

    monkeypatch.setattr(nvml, "nvmlInit", fail)
    assert energy.total_joules("GPU-a") is None
    energy._nvml.cache_clear()
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert energy.total_joules("GPU-a") is None


@pytest.mark.parametrize("model", ["cnn-image", "vgg11"])
def test_channels_last_changes_the_layout_and_nothing_else(model: str) -> None:
    """Also where an ensemble's copies have merged: a merged ensemble keeps the layout."""
    (config,) = configs(("method=baseline", *MODELS[model], *DATASETS["mnist"]))
    images = torch.randn(1, 6, 1, 28, 28, dtype=torch.float64)
    outputs, gradients, layouts = [], [], []
    for last in (False, True):
        torch.manual_seed(0)
        network = config.model.build((1, 28, 28), 10)
        ensemble = Ensemble([network], dtype=torch.float64, channels_last=last).merged([slice(0, 1)])
        convolutions = [one for one in ensemble.network.modules() if isinstance(one, torch.nn.Conv2d)]
        convolutions[-1].register_forward_hook(lambda _, inputs, out: layouts.append(out.stride()[1]))
        outputs.append(ensemble.forward(images))
        ensemble.backward(outputs[-1].square().sum())
        gradients.append(ensemble.gradient)
    assert (layouts[0] > 1, layouts[1]) == (True, 1)
    torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-8, atol=1e-8)


def test_members_of_one_program_do_not_have_channels_last() -> None:
    case = (*MODELS["cnn-image"], "method=baseline", "dataset=mnist", "training.batch_size=4")
    members = [configs((*case, f"seed={seed}", "hardware.channels_last=true"))[0] for seed in (0, 1)]
    training = Trainer(members, splits_without_content("mnist", 8))
    training.advance()
    assert training.step == 1


def test_channels_last_needs_images() -> None:
    with pytest.raises(
        InputError, match=r"^hardware\.channels_last=true: the samples are no images .*; accepted: false"
    ):
        trained((*TINY, "hardware.channels_last=true"), steps=0)
