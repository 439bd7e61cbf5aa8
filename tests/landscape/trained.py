"""Small networks of every architecture, trained until the chord between two permuted copies has a barrier."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from homotopy_bench.landscape.networks import Samples
from homotopy_bench.models.base import Model
from homotopy_bench.models.cnn import CNN
from homotopy_bench.models.mlp import MLP
from homotopy_bench.models.vgg11 import VGG11

MODELS: dict[str, tuple[Model, tuple[int, ...]]] = {
    "plain": (MLP(depth=3, width=12), (10,)),
    "deep": (MLP(depth=8, width=10), (10,)),
    "leaky": (MLP(depth=3, width=12, activation="leaky_relu"), (10,)),
    "gelu": (MLP(depth=3, width=12, activation="gelu"), (10,)),
    "tanh": (MLP(depth=3, width=12, activation="tanh"), (10,)),
    "batchnorm": (MLP(depth=3, width=12, block="batchnorm"), (10,)),
    "tanh batchnorm": (MLP(depth=3, width=12, block="batchnorm", activation="tanh"), (10,)),
    "layernorm": (MLP(depth=3, width=12, block="layernorm"), (10,)),
    "residual": (MLP(depth=4, width=12, block="residual"), (10,)),
    "scaled residual": (MLP(depth=4, width=12, block="scaled_residual"), (10,)),
    "rezero": (MLP(depth=4, width=12, block="rezero"), (10,)),
    "tanh residual": (MLP(depth=4, width=12, block="residual", activation="tanh"), (10,)),
    "cnn": (CNN(depth=3, width=8), (24,)),
    "cnn of images": (CNN(depth=3, width=8), (1, 16, 16)),
    "vgg": (VGG11(width=0.0625), (1, 32, 32)),
}


def samples(kind: str) -> Samples:
    """Return inputs that a network can tell apart, with random labels of four classes; few for a large network."""
    count = 24 if kind == "vgg" else 80
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(count, *MODELS[kind][1], generator=generator, dtype=torch.float64)
    return Samples(x, torch.randint(4, (count,), generator=generator), "train")


@cache
def network(kind: str, seed: int = 0) -> nn.Module:
    """Return a network in float64 and evaluation mode that has learnt most of its samples."""
    torch.manual_seed(seed)
    model, shape = MODELS[kind]
    module = model.build(shape, 4).double().train()
    data = samples(kind)
    optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)
    for _ in range(25 if kind == "vgg" else 60):
        optimizer.zero_grad()
        torch.autograd.backward(cross_entropy(module(data.x), data.y))
        optimizer.step()
    return module.eval()
