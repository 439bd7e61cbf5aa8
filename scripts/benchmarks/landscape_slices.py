"""A slice of the loss: ours against loops over its points.

The network is the default one, an MLP of 32 hidden layers of 64, in float32; the plane goes through it along two
filter-normalised directions, 51x51 points in [-1, 1]^2; the loss is taken on the 4000 training images of MNIST-1D. All
contenders use a thread for each processor, as PyTorch does by itself, and give loss and error of every point; the same
is measured on one thread. A turn is one row of 51 points, each contender going through the rows in order. Beside other
work on the processors, threads wait for each other at every layer: then only the figures of one thread mean anything.

Two alternatives, both a loop over points that writes each point into an ordinary module:

- ``loader`` is what the published tools do: for every point a pass over a torch DataLoader with batches of 128 and no
  workers, adding up ``loss.item()`` (Li et al. 2018, arXiv:1712.09913, ``evaluation.py``; the loss-landscapes package
  takes whatever loader its user has). ``slice_speedup`` is its time divided by ours. Much of its time goes into
  collating single samples, not into the network.
- ``best_loop`` is the fastest loop that an engineer would write without other kernels: samples in one tensor, cut in
  batches of the size that is fastest of six on this machine. ``slice_speedup_best_loop`` is its time divided by ours:
  what the fused kernels bring.

A loop over slices of the tensor with batches of 128, ``tensor_loop``, stands between the two.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.interleaved import interleave
from homotopy_bench.config.compose import compose
from homotopy_bench.landscape.directions import filter_normalised, gaussian
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.landscape.slices import Plane, plane_along, slice_of
from homotopy_bench.models.mlp import MLP

SIDE = 51
BATCH = 128
BATCHES = (128, 256, 512, 1000, 2000, 4000)
TOLERANCE = 1e-4

Batches = Callable[[], Iterator[Sequence[Tensor]]]


def run(rounds: int) -> dict[str, float]:
    """Measure and return the figures.

    Args:
        rounds: Timed rounds.

    Returns:
        ``slice_speedup``, ``slice_speedup_tensor_loop`` and ``slice_speedup_best_loop``, the batch of that loop,
        ``a_a_control_slice``, the number of threads, and the seconds that the whole slice takes each contender; all
        of them again with the suffix ``_one_thread``.
    """
    before, processors = torch.get_num_threads(), os.cpu_count() or 1
    try:
        return measure(rounds, processors) | {f"{name}_one_thread": value for name, value in measure(rounds, 1).items()}
    finally:
        torch.set_num_threads(before)


def measure(rounds: int, threads: int) -> dict[str, float]:
    """Measure on a number of threads.

    Args:
        rounds: Timed rounds.
        threads: Number of threads.

    Returns:
        The figures that :func:`run` names.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    module, samples = MLP().build((40,), 10).eval(), _samples()
    networks = Networks.of([module])
    generator = torch.Generator().manual_seed(0)
    plane = plane_along(networks, [filter_normalised(networks, gaussian(networks, generator)) for _ in range(2)])
    loader = DataLoader(TensorDataset(samples.x, samples.y), batch_size=BATCH)
    best = min(BATCHES, key=lambda size: _seconds(lambda: _looped(module, plane, 25, _sliced(samples, size))))
    work: dict[str, Callable[[int], Tensor]] = {
        "ours": lambda row: _ours(networks, plane, row, samples),
        "ours_again": lambda row: _ours(networks, plane, row, samples),
        "loader": lambda row: _looped(module, plane, row, lambda: iter(loader)),
        "tensor_loop": lambda row: _looped(module, plane, row, _sliced(samples, BATCH)),
        "best_loop": lambda row: _looped(module, plane, row, _sliced(samples, best)),
    }
    _check(work)
    seconds = interleave({name: _turn(one) for name, one in work.items()}, rounds, slices=len(work))
    return {
        "slice_speedup": seconds["loader"] / seconds["ours"],
        "slice_speedup_tensor_loop": seconds["tensor_loop"] / seconds["ours"],
        "slice_speedup_best_loop": seconds["best_loop"] / seconds["ours"],
        "slice_best_batch": float(best),
        "a_a_control_slice": seconds["ours_again"] / seconds["ours"],
        "slice_threads": float(threads),
        **{f"seconds_slice_{name}": SIDE * of_row for name, of_row in seconds.items()},
    }


def _samples() -> Samples:
    config = compose("dataset=mnist1d")
    splits = config.dataset.load(config.paths.data_root())
    x, y = (
        torch.cat([torch.from_numpy(getattr(part, name)) for part in (splits.train, splits.validation)])
        for name in ("x", "y")
    )
    return Samples(x.float(), y, "train")


def _grid() -> Tensor:
    return torch.linspace(-1.0, 1.0, SIDE, dtype=torch.float64)


def _ours(networks: Networks, plane: Plane, row: int, samples: Samples) -> Tensor:
    grid = _grid()
    found = slice_of(networks, plane, (grid[row : row + 1], grid), samples)
    return torch.stack([found.loss[0], found.error[0]])


def _looped(module: nn.Module, plane: Plane, row: int, batches: Batches) -> Tensor:
    """Return losses and errors (2, 51) of a row, point by point."""
    shapes = [parameter.shape for parameter in module.parameters()]
    sizes = [shape.numel() for shape in shapes]
    parts = [
        [part.view(shape) for part, shape in zip(torch.split(flat, sizes), shapes, strict=True)]
        for flat in (plane.centre, *plane.axes)
    ]
    grid, found = _grid().tolist(), []
    for b in grid:
        for parameter, centre, first, second in zip(module.parameters(), *parts, strict=True):
            parameter.data = centre + grid[row] * first + b * second
        loss, wrong, count = 0.0, 0, 0
        with torch.no_grad():
            for x, y in batches():
                logits = module(x)
                loss += cross_entropy(logits, y).item() * len(y)
                wrong += int((logits.argmax(dim=1) != y).sum().item())
                count += len(y)
        found.append((loss / count, wrong / count))
    return torch.tensor(found, dtype=torch.float64).T


def _sliced(samples: Samples, size: int) -> Batches:
    return lambda: zip(torch.split(samples.x, size), torch.split(samples.y, size), strict=True)


def _check(work: dict[str, Callable[[int], Tensor]]) -> None:
    """Hold what the contenders find against each other.

    Raises:
        RuntimeError: If losses or errors of a row differ by more than rounding explains.
    """
    expected = work["best_loop"](20)
    for name, one in work.items():
        worst = ((one(20) - expected).abs() / (1.0 + expected.abs())).max().item()
        if not worst < TOLERANCE:
            raise RuntimeError(f"{name} and best_loop differ by {worst:.1e}, more than {TOLERANCE}")


def _turn(work: Callable[[int], Tensor]) -> Callable[[], None]:
    rows = cycle(range(SIDE))

    def turn() -> None:
        work(next(rows))

    return turn


def _seconds(work: Callable[[], object]) -> float:
    work()
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
