"""Correlate measured figures with an outcome over a set of runs, and say what so few runs can say.

Sharpness follows the learning rate more than accuracy (Andriushchenko et al. 2023, arXiv:2302.07011), so that
a correlation over runs of several methods and rates says little of either. Runs are compared within strata of equal
settings only:

    tau = sum_s (C_s - D_s) / sqrt(sum_s (N_s - T_s) sum_s (N_s - U_s))

with C_s and D_s the concordant and discordant pairs of stratum s, N_s = n_s (n_s - 1)/2 all pairs, and T_s and U_s
those that are tied in the figure and in the outcome. Of a single stratum this is Kendall's tau-b. p is the probability
of a |tau| at least as large if outcomes were permuted within strata: exact where all permutations can be gone through.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from math import factorial, prod, sqrt

import numpy as np
from numpy.typing import NDArray

from homotopy_bench.core.statistics import ALPHA, holm

MOST_PERMUTATIONS = 50_000
"""Most permutations that are gone through; of more, a tenth as many are drawn."""

LEAST_RUNS = 5
"""Runs below which nothing is said: 3 or 4 have no permutation rare enough."""

RESAMPLES = 2000
"""Resamples of the interval."""


@dataclass(frozen=True)
class Correlation:
    """Hold the correlation of one figure with the outcome.

    Attributes:
        figure: Its name.
        runs: How many runs have it, in strata of at least two.
        strata: How many strata they are in.
        tau: Stratified tau-b in [-1, 1], above 0 where larger figures go with larger outcomes; None where refused.
        interval: Percentile bootstrap 95 % interval over runs within strata.
        p: Two-sided p of the permutations within strata.
        exact: Whether all permutations were gone through.
        p_holm: p corrected for all figures that were tested together.
        refused: Why nothing is said; empty where something is.
    """

    figure: str
    runs: int
    strata: int
    tau: float | None
    interval: tuple[float, float] | None
    p: float | None
    exact: bool
    p_holm: float | None
    refused: str


def correlations(
    figures: Mapping[str, Sequence[float | None]],
    outcome: Sequence[float],
    strata: Sequence[Hashable],
    *,
    seed: int = 0,
) -> list[Correlation]:
    """Return the correlations of several figures with one outcome, tested together.

    Args:
        figures: Name -> a value for each run; None where a run has none.
        outcome: The outcome of each run, such as its test accuracy.
        strata: What runs must agree in to be compared, such as method and learning rate.
        seed: Seed of drawn permutations and resamples.

    Example:
        >>> found = correlations({"lambda_max": [1.0, 2.0, 3.0, 4.0, 5.0]}, [0.9, 0.8, 0.7, 0.6, 0.5], ["a"] * 5)
        >>> found[0].tau, round(found[0].p, 4)  # 2 of 120 permutations
        (-1.0, 0.0167)
        >>> correlations({"trace": [1.0, 2.0, 3.0]}, [0.1, 0.2, 0.3], ["a"] * 3)[0].refused
        '3 runs in strata of at least two; at least 5 are needed'
    """
    single = [_correlation(name, values, outcome, strata, seed) for name, values in figures.items()]
    tested = [one for one in single if one.p is not None]
    corrected = dict(
        zip((one.figure for one in tested), holm([one.p for one in tested if one.p is not None]), strict=True)
    )
    return [Correlation(**{**one.__dict__, "p_holm": corrected.get(one.figure)}) for one in single]


def _correlation(
    name: str, values: Sequence[float | None], outcome: Sequence[float], strata: Sequence[Hashable], seed: int
) -> Correlation:
    groups: dict[Hashable, list[tuple[float, float]]] = {}
    for value, reached, stratum in zip(values, outcome, strata, strict=True):
        if value is not None and np.isfinite(value) and np.isfinite(reached):
            groups.setdefault(stratum, []).append((value, reached))
    pairs = [np.array(group) for group in groups.values() if len(group) > 1]
    runs = sum(map(len, pairs))

    def refused(why: str) -> Correlation:
        return Correlation(name, runs, len(pairs), None, None, None, False, None, why)

    if runs < LEAST_RUNS:
        return refused(f"{runs} runs in strata of at least two; at least {LEAST_RUNS} are needed")
    x, y = [group[:, 0] for group in pairs], [group[:, 1] for group in pairs]
    tau = stratified_tau(x, y)
    if tau is None:
        return refused("all runs of every stratum agree in the figure or in the outcome")
    generator = np.random.default_rng(seed)
    p, exact, smallest = _permutation_p(x, y, tau, generator)
    if smallest > ALPHA:
        return refused(f"the smallest p that these runs can reach is {smallest:.2g}")
    return Correlation(name, runs, len(pairs), tau, _interval(pairs, generator), p, exact, None, "")


def stratified_tau(x: Sequence[NDArray[np.float64]], y: Sequence[NDArray[np.float64]]) -> float | None:
    """Return tau over strata, one array of values each; None where all pairs are tied in one of the two."""
    score, in_x, in_y = 0.0, 0.0, 0.0
    for own, other in zip(x, y, strict=True):
        a, b = _signs(own), _signs(other)
        score += float((a * b).sum())
        in_x += float(np.abs(a).sum())
        in_y += float(np.abs(b).sum())
    return None if in_x == 0.0 or in_y == 0.0 else score / sqrt(in_x * in_y)


def _signs(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the signs of the differences of all pairs, each in both orders: tau is a ratio of their sums."""
    signs: NDArray[np.float64] = np.sign(np.subtract.outer(values, values))
    return signs


def _permutation_p(
    x: Sequence[NDArray[np.float64]], y: Sequence[NDArray[np.float64]], tau: float, generator: np.random.Generator
) -> tuple[float, bool, float]:
    """Return p, whether it is exact, and the smallest p that any outcome could have."""
    number = prod(factorial(len(one)) for one in x)
    exact = number <= MOST_PERMUTATIONS
    if exact:
        orders = product(*(permutations(range(len(one))) for one in x))
        taus = [stratified_tau(x, [b[list(o)] for b, o in zip(y, order, strict=True)]) for order in orders]
    else:
        taus = [stratified_tau(x, [generator.permutation(one) for one in y]) for _ in range(MOST_PERMUTATIONS // 10)]
    reached = np.array([abs(one) for one in taus if one is not None])
    extreme = float((reached >= abs(tau) - 1e-12).mean())
    if exact:
        return extreme, True, float((reached >= reached.max() - 1e-12).mean())
    count = len(reached)
    return (extreme * count + 1.0) / (count + 1.0), False, 1.0 / (count + 1.0)  # the observed order is one of them


def _interval(pairs: Sequence[NDArray[np.float64]], generator: np.random.Generator) -> tuple[float, float] | None:
    found = []
    for _ in range(RESAMPLES):
        drawn = [group[generator.integers(len(group), size=len(group))] for group in pairs]
        tau = stratified_tau([group[:, 0] for group in drawn], [group[:, 1] for group in drawn])
        if tau is not None:
            found.append(tau)
    if not found:
        return None
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)
