"""Measure memory and time of a member of an ensemble, on a few steps of a small ensemble and of a single run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from homotopy_bench.config.schema import Config
from homotopy_bench.data.base import Splits
from homotopy_bench.hardware.host_threads import host_threads
from homotopy_bench.training.trainer import Trainer

PROBED = 8
"""Members of the small ensemble."""

ROUNDS = 3
"""Measurements of each kind, taking turns; the fastest counts, as what disturbs only adds time."""

SECONDS, STEPS = 0.1, 8
"""A measurement ends after so long, or so many steps."""

TEMPORARIES = 2
"""A backward pass needs about as much memory again as the activations saved for it."""


@dataclass(frozen=True)
class Probe:
    """Measurements of a small ensemble.

    Attributes:
        members: Members of the small ensemble.
        bytes_per_member: Memory of a member: parameters, gradients, moments and activations.
        threads: Host threads with which the ensemble was fastest.
        gain: Seconds of a step of a single run over seconds of a step of the ensemble per member; None if not measured.
    """

    members: int
    bytes_per_member: int
    threads: int
    gain: float | None


def probe(configs: Sequence[Config], splits: Splits, threads: Sequence[int], timed: bool = True) -> Probe:
    """Return measurements of a small ensemble, which is trained for some steps and discarded.

    Args:
        configs: Runs of one program.
        splits: Their data.
        threads: Numbers of host threads that an ensemble might have.
        timed: Whether to measure the time too; without, the first of ``threads`` is taken.
    """
    with configs[0].hardware.settings(), host_threads(threads[0]):
        return _probe(list(configs[:PROBED]), splits, threads, timed)


def _probe(members: Sequence[Config], splits: Splits, threads: Sequence[int], timed: bool) -> Probe:
    together = Trainer(members, splits)
    needed = step_bytes(together) // len(members)
    if not timed:
        return Probe(len(members), needed, threads[0], None)
    single = Trainer(members[:1], splits)
    kinds = [(single, members[0].hardware.threads), *((together, count) for count in threads)]
    fastest = [float("inf")] * len(kinds)
    for training in (single, together):
        training.advance()
    for _ in range(ROUNDS):
        for kind, (training, count) in enumerate(kinds):
            fastest[kind] = min(fastest[kind], _seconds(training, count))
    best = min(range(1, len(kinds)), key=fastest.__getitem__)
    return Probe(len(members), needed, kinds[best][1], len(members) * fastest[0] / fastest[best])


def pays(steps: int, members: int) -> bool:
    """Return whether measuring the time costs less than a tenth of training so many members for so many steps.

    A run of less than 100 steps would end within the measurement.
    """
    return steps >= 100 and steps * members >= 4000


def step_bytes(training: Trainer) -> int:
    """Return the bytes of parameters, gradients, moments and :data:`TEMPORARIES` times the saved activations of a step.

    The training does one step.
    """
    kept: dict[int, int] = {}
    own = {tensor.untyped_storage().data_ptr() for tensor in (training.ensemble.theta, training.ensemble.gradient)}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        training.advance()
    matrices = [training.ensemble.theta, training.ensemble.gradient, training.ensemble.gradient]
    moments = [value for state in training.optimizer.state.values() for value in state.values()]
    staying = [*matrices, *training.ensemble.buffers.values(), *(m for m in moments if isinstance(m, torch.Tensor))]
    return sum(tensor.nbytes for tensor in staying) + TEMPORARIES * sum(kept.values())


def _seconds(training: Trainer, threads: int) -> float:
    """Return the seconds of a step, over some of them."""
    hardware = training.configs[0].hardware
    with host_threads(threads):
        hardware.synchronize()
        begin, steps, passed = time.perf_counter(), 0, 0.0
        while steps < STEPS and passed < SECONDS:
            training.advance()
            hardware.synchronize()
            steps, passed = steps + 1, time.perf_counter() - begin
    return passed / steps
