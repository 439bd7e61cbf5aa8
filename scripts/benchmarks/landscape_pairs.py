"""Barriers of all pairs of networks against loops, and weight matching of two wide networks.

Losses and errors at 31 points of the chords of all pairs, on 1000 samples. The alternatives go pair by pair and point
by point, without gradients and on as many threads as ours, an ordinary module in evaluation mode at every point:

- ``loader`` is what the published tools do, as for slices: a pass over a torch DataLoader with batches of 128 and no
  workers for every point. ``pairs_speedup`` is its time divided by ours. Much of its time goes into collating single
  samples, not into the network.
- ``best_loop`` takes all samples in one batch from one tensor. ``pairs_speedup_best_loop`` is its time divided by ours:
  what batching over pairs brings. Where it is near 1, both are at the speed of the matrix products.
- ``functional``: the same by ``torch.func.functional_call`` with interpolated state dicts;
  ``pairs_speedup_functional``.

Ours has four points more around each maximum, 35 for 31. A second instance of ours is the A/A control. What can be
shared between pairs is the first layer, so the networks make the figure; all are given:

- ``pairs_speedup``: 16 networks of 32 layers of 64, the default model, on samples of shape (40,) as MNIST-1D's. The
  first layer is 2 % of the arithmetic, and all contenders are at the speed of the matrix products.
- ``pairs_speedup_images``: the default model on samples of shape (1, 28, 28) as MNIST's; the first layer is 28 %.
- ``pairs_speedup_deep``: 784-512-512-512-10, the network of Ainsworth et al. 2023 (arXiv:2209.04836); 43 %.
- ``pairs_speedup_shallow``: 784-512-10, one hidden layer as in Entezari et al. 2022 (arXiv:2110.06296); 99 %.

The last three take 6 networks, 15 pairs: each first product serves 5 chords and not 15, which is to our disadvantage.
Everything is measured on a thread for each processor and, with the suffix ``_one_thread``, on one. Beside other work
on the processors, threads that share an operation wait for each other: then only one thread means anything.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.interleaved import interleave
from homotopy_bench.landscape.connectivity.barriers import POINTS, PathScores, along
from homotopy_bench.landscape.connectivity.chords import all_pairs, chord_of
from homotopy_bench.landscape.connectivity.matching import match
from homotopy_bench.landscape.connectivity.symmetries import groups_of
from homotopy_bench.landscape.connectivity.units import tensors_of
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.models.mlp import MLP

SAMPLES = 1000
BATCH = 128
TOLERANCE = 1e-4

Batches = Iterable[Sequence[Tensor]]


def _chain(*sizes: int) -> nn.Module:
    layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *layers[:-1])


@dataclass(frozen=True)
class Case:
    """Hold what is measured: an architecture, the shape of its samples, and how many networks."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    networks: int


IMAGE = (1, 28, 28)
CASES = {
    "": Case(lambda: MLP().build((40,), 10), (40,), 16),
    "_images": Case(lambda: MLP().build(IMAGE, 10), IMAGE, 6),
    "_deep": Case(lambda: _chain(784, 512, 512, 512, 10), IMAGE, 6),
    "_shallow": Case(lambda: _chain(784, 512, 10), IMAGE, 6),
}
"""Suffix of the figures -> what they are of."""


def run(rounds: int) -> dict[str, float]:
    """Measure and return the figures.

    Args:
        rounds: Timed rounds.

    Returns:
        ``pairs_speedup``, ``pairs_speedup_best_loop``, ``pairs_speedup_functional``, ``a_a_control_pairs`` and the
        seconds, for each case and number of threads, and ``matching_seconds`` of two networks 784-512-512-512-10.
    """
    before = torch.get_num_threads()
    found: dict[str, float] = {}
    try:
        for threads, words in ((os.cpu_count() or 1, ""), (1, "_one_thread")):
            torch.set_num_threads(threads)
            for suffix, case in CASES.items():
                found |= {f"{name}{suffix}{words}": value for name, value in measure(case, rounds).items()}
        return found | {"matching_seconds": _matching_seconds()}
    finally:
        torch.set_num_threads(before)


def measure(case: Case, rounds: int) -> dict[str, float]:
    """Measure a case on the present number of threads.

    Args:
        case: The networks.
        rounds: Timed rounds.

    Returns:
        The figures that :func:`run` names.
    """
    torch.manual_seed(0)
    modules = [case.build().eval() for _ in range(case.networks)]
    networks, pairs = Networks.of(modules), all_pairs(case.networks)
    x, y = torch.randn(SAMPLES, *case.shape), torch.randint(10, (SAMPLES,))
    samples, chord = Samples(x, y, "test"), chord_of(networks, pairs)
    loader = DataLoader(TensorDataset(x, y), batch_size=BATCH)
    whole = [(x, y)]
    _check(along(networks, chord, samples), modules, pairs, (loader, whole))

    moved = case.build().eval()

    def ours() -> None:
        along(networks, chord, samples)

    seconds = interleave(
        {
            "ours": ours,
            "ours_again": ours,
            "loader": lambda: _loop(moved, modules, pairs, loader),
            "best_loop": lambda: _loop(moved, modules, pairs, whole),
            "functional": lambda: _functional(modules, pairs, x, y),
        },
        rounds,
        slices=1,
    )
    return {
        "pairs_speedup": seconds["loader"] / seconds["ours"],
        "pairs_speedup_best_loop": seconds["best_loop"] / seconds["ours"],
        "pairs_speedup_functional": seconds["functional"] / seconds["ours"],
        "a_a_control_pairs": seconds["ours_again"] / seconds["ours"],
        **{f"seconds_pairs_{name}": value for name, value in seconds.items()},
    }


def _loop(
    moved: nn.Module, modules: Sequence[nn.Module], pairs: Sequence[tuple[int, int]], batches: Batches
) -> list[tuple[float, float]]:
    """Return losses and errors of all points, each written into a module."""
    flat = [nn.utils.parameters_to_vector(module.parameters()).detach() for module in modules]
    found = []
    with torch.no_grad():
        for i, j in pairs:
            for a in torch.linspace(0.0, 1.0, POINTS):
                nn.utils.vector_to_parameters((1 - a) * flat[i] + a * flat[j], moved.parameters())
                loss, wrong, count = 0.0, 0.0, 0
                for x, y in batches:
                    of_loss, of_error = _scores(moved(x), y)
                    loss, wrong, count = loss + of_loss * len(y), wrong + of_error * len(y), count + len(y)
                found.append((loss / count, wrong / count))
    return found


def _functional(modules: Sequence[nn.Module], pairs: Sequence[tuple[int, int]], x: Tensor, y: Tensor) -> None:
    states = [dict(module.named_parameters()) for module in modules]
    with torch.no_grad():
        for i, j in pairs:
            for a in torch.linspace(0.0, 1.0, POINTS):
                state = {name: (1 - a) * states[i][name] + a * states[j][name] for name in states[0]}
                _scores(functional_call(modules[0], state, (x,)), y)


def _scores(logits: Tensor, y: Tensor) -> tuple[float, float]:
    return cross_entropy(logits, y).item(), (logits.argmax(1) != y).float().mean().item()


def _check(
    ours: PathScores, modules: Sequence[nn.Module], pairs: Sequence[tuple[int, int]], loops: Sequence[Batches]
) -> None:
    """Hold ours against the loops on the first pair.

    Raises:
        RuntimeError: If losses differ by more than rounding explains.
    """
    grid = torch.linspace(0.0, 1.0, POINTS, dtype=torch.float64)
    nearest = (ours.a[0][:, None] - grid).abs().argmin(dim=0)
    for batches in loops:
        found = _loop(copy.deepcopy(modules[0]), modules, pairs[:1], batches)
        expected = torch.tensor(found, dtype=torch.float64)[:, 0]
        worst = ((ours.loss[0][nearest] - expected).abs() / (1.0 + expected)).max().item()
        if not worst < TOLERANCE:
            raise RuntimeError(f"ours and a loop differ by {worst:.1e}, more than {TOLERANCE}")


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
