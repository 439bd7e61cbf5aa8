"""What only a CUDA device can show; skipped where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from homotopy_bench import train
from homotopy_bench.config.schema import Config
from homotopy_bench.runs.job import Job
from homotopy_bench.runs.run import resume
from homotopy_bench.tracking.display import Silent
from homotopy_bench.tracking.resumable import read_run
from homotopy_bench.training.trainer import Trainer
from tests.cases import CASES, MODELS, SMALL, mixture
from tests.composing import compose
from tests.hardware.test_meta import LOOKS_ON_PURPOSE, TAKES_ITS_STEP, splits_without_content, without_checks
from tests.training_runs import OPTIMIZERS, configs, effort, trained, varied

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no CUDA device here")

ON_CUDA = ("hardware=cuda",)
FORMATS = ("float64", "float32", "tf32", "bfloat16")

RESUMED = [
    "identity-circular/mlp-orthogonal/mnist1d",
    "convexity-per-neuron/cnn/mnist1d",
    "hta/mlp-batchnorm/mnist1d",
    "curvature-lr/mlp-scaled-residual/mnist1d",
]


@contextmanager
def waits_are_errors() -> Iterator[None]:
    """Let PyTorch raise a RuntimeError inside the context where it would wait for the device."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def on_cuda(members: Sequence[Config], dataset: str) -> Trainer:
    """Return an ensemble on the device with a step an epoch."""
    return Trainer(members, splits_without_content(dataset, members[0].training.batch_size))


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("case", TAKES_ITS_STEP)
def test_no_step_waits_for_the_device(case: str, dtype: str) -> None:
    dataset = case.rpartition("/")[2]
    augmented = ("dataset.augment=crop_flip",) if dataset == "cifar10" else ()
    hardware = ("hardware=cuda", f"hardware.dtype={dtype}")
    for optimizer in effort(case)[0]:
        rates = OPTIMIZERS[optimizer]
        mixed = mixture(case, optimizer, [*rates, rates[1]])
        members = [varied(CASES[case], (*without_checks(one), *augmented, *hardware)) for one in mixed]
        for some in (members, members[:1]):
            training = on_cuda(some, dataset)
            training.advance()  # what is loaded and chosen at the first call may wait
            with training.hardware.settings(), waits_are_errors():
                for _ in range(1, training.total_steps):
                    training.advance()
            assert training.last_t() == [1.0] * len(some)


@pytest.mark.parametrize("looks", LOOKS_ON_PURPOSE)
def test_what_looks_on_purpose_waits(looks: str) -> None:
    (member,) = configs((*MODELS["mlp-default"], *SMALL, *LOOKS_ON_PURPOSE[looks], *ON_CUDA))
    training = on_cuda([member], "mnist1d")
    with pytest.raises(RuntimeError, match="synchronizing CUDA operation"), waits_are_errors():
        train_to_the_end(training)


def train_to_the_end(training: Trainer) -> None:
    for _ in range(training.total_steps):
        training.advance()


@pytest.mark.parametrize("case", RESUMED)
def test_a_deterministic_run_continues_with_the_same_bits(case: str, tmp_path: Path) -> None:
    deterministic = (*ON_CUDA, "hardware.dtype=bfloat16", "hardware.deterministic=true", "training.checkpoint_every=2")
    config = compose(*CASES[case], *deterministic)
    whole = train(config, tmp_path / "whole")
    with pytest.raises(ZeroDivisionError):
        train(config, tmp_path / "cut", on_evaluation=lambda line: 1 / (3 - line["epoch"]))
    recorded, overrides, _ = read_run(tmp_path / "cut")
    continued = resume(Job(recorded, tmp_path / "cut", overrides), Silent())
    assert continued.summary["final"] == whole.summary["final"]
    for ours, theirs in zip(continued.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("case", [case for case in TAKES_ITS_STEP if case.endswith("/mnist1d")])
def test_in_double_precision_the_device_trains_what_the_processor_trains(case: str) -> None:
    shared = (*CASES[case], "optimizer=sgd", "optimizer.lr=1e-2")
    here, there = (trained((*shared, *where), steps=5) for where in ((), (*ON_CUDA, "hardware.dtype=float64")))
    torch.testing.assert_close(there.ensemble.theta.cpu(), here.ensemble.theta, rtol=1e-8, atol=1e-10)


def test_the_record_names_the_device_and_its_memory(tmp_path: Path) -> None:
    summary = train(compose(*CASES["baseline/mlp-default/mnist1d"], "hardware=auto"), tmp_path / "run").summary
    assert summary["environment"]["device"] == torch.cuda.get_device_name(0)
    assert summary["config"]["hardware"]["name"] == "cuda"
    assert 0 < summary["cost"]["peak_memory_mb"] < torch.cuda.get_device_properties(0).total_memory / 1e6
