"""An ensemble of 32 members against single runs, a DataLoader loop, two processes, and the matrix products alone.

The network is the default one (32 hidden layers of 64, MNIST-1D, batch 128), the update Adam at a constant rate without
clipping, everything on two threads of one process; only the two processes have one thread each. They wait while others
have their turn. A single run is taken at the faster of one thread and two.

The GEMM limit is the time of the matrix products of a step and nothing else: for every layer W x, and in the backward
pass the gradients of x and of W, as batched products over the members. ``vs_gemm_limit`` lets all hidden layers share
one set of operands, which then stay in the cache; ``vs_gemm_own_operands`` gives every layer its own, as training must.

The steps of the methods against each other are in :mod:`benchmarks.fused_methods`.
"""

from __future__ import annotations

import multiprocessing
from functools import partial
from multiprocessing.connection import Connection

from benchmarks import fused_methods
from benchmarks.ensemble_steps import MEMBERS, STEPS, THREADS, Work, on_threads, products, training_steps
from benchmarks.interleaved import interleave
from benchmarks.single import METHODS, _dataloader_loop

PROCESSES = 2
EPOCH = 28
"""Steps of an epoch, and of a single run in a turn."""


def run(rounds: int) -> dict[str, float]:
    """Measure and return the ratios.

    Args:
        rounds: Timed rounds.

    Returns:
        ``vs_single``, ``vs_dataloader``, ``vs_two_processes``: the ensemble's steps of a member per second divided by
        theirs, above 1 is faster; ``vs_gemm_limit`` and ``vs_gemm_own_operands``: seconds of a step divided by those of
        its matrix products; the same for identity homotopy on its path with the suffix ``_homotopy``;
        ``a_a_control``; milliseconds per step of a member beside them; and the ratios of
        :mod:`benchmarks.fused_methods`.
    """
    result = fused_methods.run(rounds)
    for method, overrides in METHODS.items():
        suffix = "" if method == "baseline" else "_homotopy"
        pairs = [_process(overrides) for _ in range(PROCESSES)]
        contenders: dict[str, Work] = {
            "ensemble": on_threads(THREADS, training_steps(overrides, MEMBERS, STEPS)),
            "ensemble_again": on_threads(THREADS, training_steps(overrides, MEMBERS, STEPS)),
            "single_1_thread": on_threads(1, training_steps(overrides, 1, EPOCH)),
            "single_2_threads": on_threads(2, training_steps(overrides, 1, EPOCH)),
            "dataloader": on_threads(THREADS, _dataloader_loop(deformed=bool(suffix))),
            "two_processes": partial(_both, [end for end, _ in pairs]),
            "gemm_limit": on_threads(THREADS, products(own_operands=False)),
            "gemm_own_operands": on_threads(THREADS, products(own_operands=True)),
        }
        member_steps = {name: MEMBERS * STEPS for name in contenders if name.startswith(("ensemble", "gemm"))}
        seconds = {
            name: value / member_steps.get(name, EPOCH) for name, value in interleave(contenders, rounds).items()
        }
        seconds["two_processes"] /= PROCESSES
        seconds["single"] = min(seconds["single_1_thread"], seconds["single_2_threads"])
        for end, process in pairs:
            end.send(False)
            process.join()
        ours = seconds["ensemble"]
        for other in ("single", "dataloader", "two_processes"):
            result[f"vs_{other}{suffix}"] = seconds[other] / ours
        for limit in ("gemm_limit", "gemm_own_operands"):
            result[f"vs_{limit}{suffix}"] = ours / seconds[limit]
        result[f"a_a_control{suffix}"] = ours / seconds["ensemble_again"]
        for name, value in seconds.items():
            result[f"ms_per_member_step_{name}{suffix}"] = 1e3 * value
    return result


def _process(overrides: tuple[str, ...]) -> tuple[Connection, multiprocessing.process.BaseProcess]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, overrides), daemon=True)
    process.start()
    return here, process


def _serve(end: Connection, overrides: tuple[str, ...]) -> None:
    """Do a turn of a single run on one thread whenever asked to, until told to stop."""
    work = on_threads(1, training_steps(overrides, 1, EPOCH))
    while end.recv():
        work()
        end.send(True)


def _both(ends: list[Connection]) -> None:
    for end in ends:
        end.send(True)
    for end in ends:
        end.recv()
