"""Two processes on two cores against one: the members of a multirun divided, and the batches of a run divided.

``members`` are 32 default networks (32 hidden layers of 64, MNIST-1D, batch 128), 16 in each process with one thread,
against the fused program of all 32 in one process with two threads. ``data`` is vgg11 on CIFAR-10 with batch 128: each
of two processes with one thread has 64 images, against one process of one thread. A turn ends when all ranks have done
its steps. While others have their turn, a rank waits for its next request.
"""

from __future__ import annotations

import torch

from benchmarks.ensemble_steps import Work, on_threads, training_steps
from benchmarks.interleaved import interleave
from homotopy_bench.config.compose import compose
from homotopy_bench.runs.parallel import Processes

MEMBERS, STEPS, IMAGE_STEPS = 32, 8, 2
"""Members of a multirun, and the steps of a turn."""

TWO = ("hardware=multi_gpu", "hardware.backend=gloo", "hardware.devices=2")
NETWORKS = ("method=baseline",)
IMAGES = ("method=baseline", "model=vgg11", "dataset=cifar10", "training.batch_size=128")


def run(rounds: int) -> dict[str, float]:
    """Measure and return the ratios.

    Args:
        rounds: Timed rounds.

    Returns:
        ``members_vs_fused`` and ``data_vs_single``: steps per second of two processes divided by those of one, above 1
        is faster; ``a_a_control``: the fused program against itself; milliseconds per step beside them.
    """
    with Processes() as processes:
        members = {
            "members": on_threads(1, _divided(processes, NETWORKS, MEMBERS, STEPS)),
            "fused": on_threads(2, training_steps(NETWORKS, MEMBERS, STEPS)),
            "fused_again": on_threads(2, training_steps(NETWORKS, MEMBERS, STEPS)),
        }
        seconds = {name: value / STEPS for name, value in interleave(members, rounds).items()}
    with Processes() as processes:
        images = {
            "data": on_threads(1, _divided(processes, IMAGES, 1, IMAGE_STEPS)),
            "single": on_threads(1, training_steps(IMAGES, 1, IMAGE_STEPS)),
        }
        seconds |= {name: value / IMAGE_STEPS for name, value in interleave(images, rounds).items()}
    return {
        "members_vs_fused": seconds["fused"] / seconds["members"],
        "data_vs_single": seconds["single"] / seconds["data"],
        "a_a_control": seconds["fused"] / seconds["fused_again"],
        **{f"ms_per_step_{name}": 1e3 * value for name, value in seconds.items()},
    }


def _divided(processes: Processes, overrides: tuple[str, ...], members: int, steps: int) -> Work:
    """Return the work of some training steps in two processes."""
    torch.set_num_threads(1)  # which the other process is told
    configs = [compose(*overrides, *TWO, "training.epochs=1000", f"seed={seed}") for seed in range(members)]
    training = processes.of(configs, begun=False)(configs, configs[0].dataset.load(configs[0].paths.data_root()))

    def work() -> None:
        for _ in range(steps):
            training.advance()
        training.finish_steps()

    return work
