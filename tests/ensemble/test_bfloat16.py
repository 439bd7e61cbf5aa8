"""Members whose products are done in bfloat16 train as those in float32 do, as far as the format goes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from homotopy_bench.data.base import Samples, Splits
from homotopy_bench.hardware.cpu import CPU
from homotopy_bench.training.trainer import Trainer
from tests.cases import DATASETS, METHODS, MODELS
from tests.hardware.test_meta import SHAPES
from tests.training_runs import configs

CASES = [
    "baseline/mlp-batchnorm/mnist1d",
    "identity-circular/mlp-layernorm/mnist1d",
    "hta/mlp-batchnorm/mnist1d",
    "convexity-per-neuron/vgg11/cifar10",
    "identity-residual/cnn/mnist1d",
]


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_the_first_losses_are_those_of_float32_to_two_digits(case: str, members: int) -> None:
    method, model, dataset = case.split("/")
    shared = (*METHODS[method], *MODELS[model], *DATASETS[dataset], "training.batch_size=32", "training.epochs=4")
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, *SHAPES[dataset], generator=generator).numpy()
    samples = Samples(x, (torch.arange(64) % 10).numpy())
    splits = Splits(samples, samples, samples, 10)
    losses = {}
    for dtype in ("float32", "bfloat16"):
        hardware = CPU.model_validate({"dtype": dtype})
        own = [replace(one, hardware=hardware) for one in configs(*((*shared, f"seed={s}") for s in range(members)))]
        training = Trainer(own, splits)
        training.advance()
        losses[dtype] = training.meters.pop_train_loss()
        assert {values.dtype for values in training.ensemble.buffers.values()} <= {
            torch.float32, torch.float64, torch.int64,
        }  # fmt: skip
        assert training.ensemble.theta.isfinite().all()
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.02)
    assert losses["bfloat16"] != losses["float32"]
