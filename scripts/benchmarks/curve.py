"""Ensembles of 1, 2, 4, ..., 64 members on two threads: how fast, and how much memory a member takes.

Three networks on MNIST-1D with batches of 128: the default one, the same trained by HTA (two coupled copies of every
member), and the default convolutional network. Every size does as many steps of a member in a turn.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.ensemble_steps import on_threads, training_steps
from benchmarks.interleaved import interleave
from benchmarks.single import SHARED
from homotopy_bench.config.compose import compose
from homotopy_bench.training.trainer import Trainer

SIZES = (1, 2, 4, 8, 16, 32, 64)
THREADS = 2
NETWORKS = {
    "mlp": ("method=baseline", *SHARED),
    "hta": ("method=hta", "training.clip_norm=null"),
    "cnn": ("method=baseline", "model=cnn", *SHARED),
}


def run(rounds: int) -> dict[str, float]:
    """Measure and return the curves.

    Args:
        rounds: Timed rounds.

    Returns:
        For every network and size M ``NETWORK_M_speed``, members per second divided by those at M = 1,
        ``NETWORK_M_ms``, milliseconds per step of a member, and ``NETWORK_M_parameters_mb``,
        ``NETWORK_M_moments_mb`` and ``NETWORK_M_activations_mb``, memory of a member in units of 10^6 bytes:
        parameters and their gradients, what the optimiser keeps, what the forward pass keeps for the backward pass.
    """
    result: dict[str, float] = {}
    for network, overrides in NETWORKS.items():
        works = {str(size): on_threads(THREADS, training_steps(overrides, size, SIZES[-1] // size)) for size in SIZES}
        seconds = interleave(works, rounds)
        for size in SIZES:
            result[f"{network}_{size}_speed"] = seconds["1"] / seconds[str(size)]
            result[f"{network}_{size}_ms"] = 1e3 * seconds[str(size)] / SIZES[-1]
            for kind, count in _bytes(overrides, size).items():
                result[f"{network}_{size}_{kind}_mb"] = count / size / 1e6
    return result


def _bytes(overrides: tuple[str, ...], members: int) -> dict[str, int]:
    configs = [compose(*overrides, "training.epochs=1000", f"seed={seed}") for seed in range(members)]
    training = Trainer(configs, configs[0].dataset.load(configs[0].paths.data_root()))
    theta = training.ensemble.theta
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        training.advance()
    saved.pop(theta.untyped_storage().data_ptr(), None)
    moments = [
        value.nbytes for state in training.optimizer.state.values() for value in state.values() if value.dim() > 0
    ]
    return {
        "parameters": theta.nbytes + training.ensemble.gradient.nbytes,
        "moments": sum(moments),
        "activations": sum(saved.values()),
    }
