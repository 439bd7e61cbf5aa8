"""Estimate the best validation accuracy to expect of k trials, with a band that holds at all k at once.

Notation: x_1, ..., x_n are the values of n trials of a random search, independent draws from one distribution F, sorted
as x_(1) <= ... <= x_(n). The tuning curve is T(k), the expected maximum of k such draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from homotopy_bench.core.statistics import Interval
from homotopy_bench.report.order_statistics import order_statistic_bounds

ALL_UP_TO = 100
"""Number of trials up to which a curve has every k; beyond, ever fewer."""

_GROWTH = 1.05


def sizes(n: int) -> list[int]:
    """Return the k from 1 to n at which a curve of n trials is computed.

    Example:
        >>> sizes(4), len(sizes(1000)), sizes(1000)[-1]
        ([1, 2, 3, 4], 148, 1000)
    """
    found = list(range(1, min(n, ALL_UP_TO) + 1))
    while found[-1] < n:
        found.append(min(round(found[-1] * _GROWTH), n))
    return found


def expected_best(values: Sequence[float]) -> list[float]:
    """Return the mean over all choices of k of n values of their maximum, for the k of :func:`sizes`.

    sum over i of x_(i) C(i-1, k-1) / C(n, k): the unbiased estimate of T(k) (Tang et al. 2020, arXiv:2004.13705,
    equation 4). Of values that are drawn from n without repetition, as from a grid, it is no estimate but exact.

    Example:
        >>> expected_best([0.5, 0.7, 0.6])
        [0.6, 0.6666666666666666, 0.7]
    """
    n = len(values)
    k = np.array(sizes(n), dtype=float)
    weight = k / n  # C(i-1, k-1) / C(n, k) at i = n; from i to i - 1 it changes by (i - k) / (i - 1)
    total = np.zeros(len(k))
    for i, value in zip(range(n, 0, -1), sorted(values, reverse=True), strict=True):
        total += weight * value
        weight = weight * np.maximum(i - k, 0.0) / max(i - 1, 1)
    return [float(one) for one in total]


def tuning_band(values: Sequence[float]) -> list[Interval]:
    """Return a 95 % band for T, at the k of :func:`sizes`, of values between 0 and 1.

    With the bounds l_i and h_i of :func:`~homotopy_bench.report.order_statistics.order_statistic_bounds`, l_0 = 0 and
    h_(n+1) = 1, F lies between l_i and h_(i+1) on [x_(i), x_(i+1)) for all i at once with probability 95 % (more where
    F has atoms, as accuracies have), and T(k) = 1 - integral of F(x)^k over [0, 1] between the values that these two
    have. So the band is simultaneous over all k and free of assumptions on F. It does not hold where draws depend on
    each other. Source: Lourie, Cho and He 2024, arXiv:2311.09480, section 4.

    Example:
        >>> [(round(one.low, 2), round(one.high, 2)) for one in tuning_band([0.5, 0.6, 0.7, 0.8])][::3]
        [(0.16, 0.93), (0.43, 1.0)]
    """
    low, high = order_statistic_bounds(len(values))
    gaps = np.diff([0.0, *sorted(values), 1.0])
    below, above = np.concatenate([[0.0], low]), np.concatenate([high, [1.0]])
    k = sizes(len(values))
    return [Interval(float(1 - gaps @ above**one), float(1 - gaps @ below**one)) for one in k]


def best_so_far(values: Sequence[float]) -> list[float]:
    """Return the largest of the first k values, in the order of the trials, for the k of :func:`sizes`.

    Example:
        >>> best_so_far([0.5, 0.4, 0.6])
        [0.5, 0.5, 0.6]
    """
    highest = np.maximum.accumulate(values)
    return [float(highest[k - 1]) for k in sizes(len(values))]
