"""What the curvature controller costs: the same training with it and at a constant rate, interleaved.

The network is 784-128-128-10 on 6000 images of MNIST, batch 128, SGD with momentum, one thread. A turn is 200 steps
with an estimate by power iteration at every 50th; the controller steers and its cap binds or not as the curvature says.
A second instance at the constant rate is the A/A control. The dense phase, an estimate at each of the first 100 steps,
is timed apart.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.interleaved import interleave
from homotopy_bench.config.compose import compose
from homotopy_bench.data.base import Splits
from homotopy_bench.training.trainer import Trainer

STEPS = 200
SHARED = (
    "model=mlp",
    "model.depth=2",
    "model.width=128",
    "optimizer=sgd",
    "optimizer.lr=0.01",
    "training.batch_size=128",
    "training.clip_norm=null",
    "training.epochs=10000",
)
FLAT = "lr_schedule@lr_schedule.base=constant"
CONTENDERS = {
    "constant": ("method=baseline", "lr_schedule=constant"),
    "constant_again": ("method=baseline", "lr_schedule=constant"),
    "sparse": ("method=curvature_lr", FLAT, "lr_schedule.every=50", "lr_schedule.dense_steps=1"),
    "dense": ("method=curvature_lr", FLAT, "lr_schedule.dense_steps=1000000"),
}


def run(rounds: int, splits: Splits) -> dict[str, float]:
    """Measure and return the figures.

    Args:
        rounds: Timed rounds.
        splits: The data.

    Returns:
        ``controller_overhead`` (share of the training time that estimates every 50 steps add), ``dense_overhead`` (the
        same in the dense phase), ``a_a_control`` (the second constant run divided by the first), and milliseconds per
        step.
    """
    torch.set_num_threads(1)
    seconds = interleave({name: _steps(overrides, splits) for name, overrides in CONTENDERS.items()}, rounds)
    figures = {
        "controller_overhead": seconds["sparse"] / seconds["constant"] - 1.0,
        "dense_overhead": seconds["dense"] / seconds["constant"] - 1.0,
        "a_a_control": seconds["constant_again"] / seconds["constant"],
    }
    return figures | {f"ms_per_step_{name}": 1e3 * value / STEPS for name, value in seconds.items()}


def _steps(overrides: tuple[str, ...], splits: Splits) -> Callable[[], None]:
    training = Trainer([compose(*overrides, *SHARED)], splits)

    def work() -> None:
        for _ in range(STEPS):
            training.advance()
        training.meters.pop_train_loss()
        training.rates.take_diagnostics(0)

    return work
