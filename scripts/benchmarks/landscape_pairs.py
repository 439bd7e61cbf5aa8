"""Barriers of all pairs of 16 networks against a loop, and weight matching of two wide networks, on two threads.

Networks of 32 layers of 64 units, the default model, at 31 points of the chords of all 120 pairs, on 1000 samples of
shape (40,). The alternative is what one writes without batching: pair by pair and point by point, an ordinary module
in evaluation mode takes the interpolated parameters and sees all samples in one batch. Ours has four points more around
each maximum. A second instance of ours is the A/A control.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.interleaved import interleave
from homotopy_bench.landscape.connectivity.barriers import POINTS, along
from homotopy_bench.landscape.connectivity.chords import Chord, all_pairs, chord_of
from homotopy_bench.landscape.connectivity.matching import match
from homotopy_bench.landscape.connectivity.symmetries import groups_of
from homotopy_bench.landscape.connectivity.units import tensors_of
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.models.mlp import MLP

NETWORKS = 16
SAMPLES = 1000


def run(rounds: int) -> dict[str, float]:
    """Measure and return the figures.

    Args:
        rounds: Timed rounds.

    Returns:
        ``pairs_speedup`` (the loop's seconds divided by ours), ``a_a_control_pairs``, the seconds, and
        ``matching_seconds`` of two networks 784-512-512-512-10.
    """
    torch.set_num_threads(2)
    torch.manual_seed(0)
    modules = [MLP().build((40,), 10).eval() for _ in range(NETWORKS)]
    networks, pairs = Networks.of(modules), all_pairs(NETWORKS)
    samples = Samples(torch.randn(SAMPLES, 40), torch.randint(10, (SAMPLES,)), "test")
    chord = chord_of(networks, pairs)
    seconds = interleave(
        {
            "ours": lambda: _ours(networks, samples, chord),
            "ours_again": lambda: _ours(networks, samples, chord),
            "loop": lambda: _loop(modules, pairs, samples.x, samples.y),
        },
        rounds,
        slices=1,
    )
    return {
        "pairs_speedup": seconds["loop"] / seconds["ours"],
        "a_a_control_pairs": seconds["ours_again"] / seconds["ours"],
        **{f"seconds_pairs_{name}": value for name, value in seconds.items()},
        "matching_seconds": _matching_seconds(),
    }


def _ours(networks: Networks, samples: Samples, chord: Chord) -> None:
    along(networks, chord, samples)


def _loop(modules: list[nn.Module], pairs: list[tuple[int, int]], x: Tensor, y: Tensor) -> None:
    moved = MLP().build((40,), 10).eval()
    flat = [nn.utils.parameters_to_vector(module.parameters()).detach() for module in modules]
    with torch.no_grad():
        for i, j in pairs:
            for a in torch.linspace(0.0, 1.0, POINTS):
                nn.utils.vector_to_parameters((1 - a) * flat[i] + a * flat[j], moved.parameters())
                logits = moved(x)
                cross_entropy(logits, y).item()
                (logits.argmax(1) != y).float().mean().item()


def _matching_seconds() -> float:
    modules = [
        nn.Sequential(
            *(layer for a, b in ((784, 512), (512, 512), (512, 512)) for layer in (nn.Linear(a, b), nn.ReLU())),
            nn.Linear(512, 10),
        )
        for _ in range(2)
    ]
    networks = Networks.of(modules)
    groups, points = groups_of(modules[0]), networks.points()
    begin = time.perf_counter()
    match(tensors_of(networks, points, 0), tensors_of(networks, points, 1), list(networks.columns), groups)
    return time.perf_counter() - begin
