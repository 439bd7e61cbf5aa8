"""What an ensemble of the default network does in a turn: training steps, or their matrix products alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch

from homotopy_bench.config.compose import compose
from homotopy_bench.training.trainer import Trainer

MEMBERS, BATCH, THREADS = 32, 128, 2
STEPS = 4
"""Steps of the ensemble in a turn."""

Work = Callable[[], None]


def training_steps(overrides: tuple[str, ...], members: int, steps: int) -> Work:
    """Return the work of some training steps of an ensemble that differs in its seeds."""
    configs = [compose(*overrides, "training.epochs=1000", f"seed={seed}") for seed in range(members)]
    training = Trainer(configs, configs[0].dataset.load(configs[0].paths.data_root()))

    def work() -> None:
        for _ in range(steps):
            training.advance()
        training.meters.pop_train_loss()

    return work


def on_threads(threads: int, work: Work) -> Work:
    """Return work that is done with so many threads."""

    def threaded() -> None:
        torch.set_num_threads(threads)
        work()

    return threaded


def products(own_operands: bool) -> Work:
    """Return the matrix products of ``STEPS`` steps of all members, and nothing else.

    Args:
        own_operands: Whether every layer has operands of its own, or all of one shape share theirs.
    """
    sizes = [40] + [64] * 32 + [10]
    shapes = list(pairwise(sizes))
    operands = {}
    for layer, (inputs, outputs) in enumerate(shapes):
        key = layer if own_operands else (inputs, outputs)
        if key not in operands:
            shapes_here = [(BATCH, inputs), (outputs, inputs), (BATCH, outputs)]
            tensors = [torch.randn(MEMBERS, *shape) for shape in shapes_here]
            operands[key] = [*tensors, *(torch.empty_like(tensor) for tensor in tensors)]
    layers = [operands[layer if own_operands else shape] for layer, shape in enumerate(shapes)]

    def work() -> None:
        for _ in range(STEPS):
            for x, weight, _, _, _, y in layers:
                torch.bmm(x, weight.mT, out=y)
            for layer in reversed(range(len(layers))):
                x, weight, g, of_x, of_weight, _ = layers[layer]
                torch.bmm(g.mT, x, out=of_weight)
                if layer:
                    torch.bmm(g, weight, out=of_x)

    return work
