"""A step of every method that deforms the network, on its path, against the plain step and its matrix products.

32 members of the default network on two threads of one process, as in :mod:`benchmarks.fused`; all take their turns in
one round, so that the ratios are those of one hour.
"""

from __future__ import annotations

from benchmarks.ensemble_steps import MEMBERS, STEPS, THREADS, on_threads, products, training_steps
from benchmarks.interleaved import interleave
from benchmarks.single import METHODS, SHARED

ANNEALING = ("method=convexity_annealing", *SHARED)


def run(rounds: int) -> dict[str, float]:
    """Measure and return the ratios.

    Args:
        rounds: Timed rounds.

    Returns:
        ``path_vs_gemm_limit``: seconds of a step of identity homotopy over those of its matrix products alone;
        ``annealing_vs_baseline`` and ``path_vs_baseline``: seconds of a step of convexity annealing and of identity
        homotopy over those of a plain step; ``a_a_control_methods``.
    """
    contenders = {
        "baseline": training_steps(METHODS["baseline"], MEMBERS, STEPS),
        "baseline_again": training_steps(METHODS["baseline"], MEMBERS, STEPS),
        "path": training_steps(METHODS["identity_homotopy"], MEMBERS, STEPS),
        "annealing": training_steps(ANNEALING, MEMBERS, STEPS),
        "gemm_limit": products(own_operands=False),
    }
    seconds = interleave({name: on_threads(THREADS, work) for name, work in contenders.items()}, rounds)
    return {
        "path_vs_gemm_limit": seconds["path"] / seconds["gemm_limit"],
        "annealing_vs_baseline": seconds["annealing"] / seconds["baseline"],
        "path_vs_baseline": seconds["path"] / seconds["baseline"],
        "a_a_control_methods": seconds["baseline"] / seconds["baseline_again"],
    }
