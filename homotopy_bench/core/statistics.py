"""Compute the statistics of a report, as pure functions of a handful of numbers.

Notation: x_1, ..., x_n are the test accuracies of n runs (fractions), d_1, ..., d_n the paired differences
of two methods at equal seeds. A value that is not defined for so few numbers is None, never NaN and never a
warning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

BOOTSTRAP_RESAMPLES = 9999
BOOTSTRAP_SEED = 0
CONFIDENCE = 0.95
ALPHA = 0.05
POWER = 0.8

# Accuracies are multiples of one over the number of test images, far coarser than this; what is finer is
# rounding error, which would break the ties that a rank test must see.
_DECIMALS = 12


@dataclass(frozen=True)
class Interval:
    """Bound a quantity by a closed interval, in its own unit."""

    low: float
    high: float


def mean(values: Sequence[float]) -> float | None:
    """Return the arithmetic mean sum(x_i) / n, or None for no values.

    Example:
        >>> mean([1.0, 2.0, 6.0])
        3.0
    """
    return math.fsum(values) / len(values) if values else None


def standard_deviation(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation sqrt(sum((x_i - mean)^2) / (n - 1)), or None for fewer than two values.

    Example:
        >>> standard_deviation([1.0, 3.0])
        1.4142135623730951
    """
    return float(np.std(np.asarray(values), ddof=1)) if len(values) > 1 else None


def interquartile_mean(values: Sequence[float]) -> float | None:
    """Return the mean of the middle half (IQM), or None for no values.

    It is the mean of the sorted values number floor(n/4) + 1 to n - floor(n/4), as in rliable; for n < 4 that of all.
    Source: Agarwal et al. 2021, arXiv:2108.13264.

    Example:
        >>> interquartile_mean([0.0, 2.0, 3.0, 4.0, 100.0])
        3.0
    """
    cut = len(values) // 4
    return mean(sorted(values)[cut : len(values) - cut])


def bootstrap_interval(values: Sequence[float]) -> Interval | None:
    """Return the 95 % percentile bootstrap interval of the mean, or None for fewer than three values.

    The ends are the 2.5 % and 97.5 % quantiles of the means of 9999 resamples of size n with replacement,
    drawn with seed 0 from the sorted values: equal data give equal intervals. Percentiles and not BCa,
    whose correction is undefined for constant data and unstable for the handful of runs that is usual here.
    For so few runs any bootstrap interval is too narrow: with normal data the true mean lies inside with
    probability P(|T_{n-1}| < 1.96 sqrt((n-1)/n)), which is 75 % for n = 3, 85 % for n = 5, 90 % for n = 10.
    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.

    Example:
        >>> bootstrap_interval([0.5, 0.5, 0.5])
        Interval(low=0.5, high=0.5)
        >>> bootstrap_interval([0.1, 0.9]) is None
        True
    """
    n = len(values)
    if n < 3:
        return None
    # scipy.stats.bootstrap renamed its argument for the generator within the range of supported versions.
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    indices = generator.integers(0, n, size=(BOOTSTRAP_RESAMPLES, n))
    means = np.sort(np.asarray(values, dtype=np.float64))[indices].mean(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    # The mean of n equal numbers can miss them by rounding; an interval must not leave the range of its data.
    return Interval(max(float(low), min(values)), min(float(high), max(values)))


def unequal_pairs(differences: Sequence[float]) -> int:
    """Return how many differences exceed rounding error: the sample size of the signed-rank test.

    Example:
        >>> unequal_pairs([0.0, 0.1, (0.1 + 0.2) - 0.3])
        1
    """
    return sum(round(difference, _DECIMALS) != 0 for difference in differences)


def smallest_wilcoxon_p(unequal: int) -> float | None:
    """Return 2^(1 - n), the smallest two-sided p of the signed-rank test, or None without unequal pairs.

    All n differences have the same sign in 2 of the 2^n equally likely sign patterns. Below six pairs the
    result exceeds 0.05: no difference, however large, is significant.

    Args:
        unequal: n, the number of pairs that differ.

    Example:
        >>> smallest_wilcoxon_p(5), smallest_wilcoxon_p(6)
        (0.0625, 0.03125)
    """
    return 2.0 ** (1 - unequal) if unequal > 0 else None


def wilcoxon_p(differences: Sequence[float]) -> float | None:
    """Return the two-sided p of the Wilcoxon signed-rank test, or None for no differences.

    p is the probability, were all signs a coin toss, of a rank sum at least as far from its centre. Zero
    differences are dropped (Wilcoxon's own rule); where all are zero, p = 1. ``scipy.stats.wilcoxon`` decides
    between the exact distribution (n <= 50 without ties, n <= 13 with ties) and the normal approximation. Source:
    Wilcoxon 1945, Biometrics Bulletin 1, 80-83.

    Example:
        >>> wilcoxon_p([0.01, 0.02, 0.03, 0.04, 0.05, 0.06])
        0.03125
        >>> wilcoxon_p([0.0, 0.0])
        1.0
    """
    if not differences:
        return None
    rounded = np.round(np.asarray(differences, dtype=np.float64), _DECIMALS)
    unequal = rounded[rounded != 0]
    if unequal.size == 0:
        return 1.0
    from scipy import stats

    return float(stats.wilcoxon(unequal).pvalue)


def minimum_detectable_effect(differences: Sequence[float]) -> float | None:
    """Return the true mean difference that a paired t-test of this size would find in 80 % of repetitions.

    delta = nu s / sqrt(n), with s the standard deviation of the differences (ddof = 1) and nu the
    noncentrality at which P(T'_{n-1, nu} > t_{n-1, 0.975}) = 0.8 for the noncentral t distribution T'; the
    other tail, of a significant difference with the wrong sign, is below 1e-5 and left out. A real
    difference smaller than this is likely to be missed. Source: Cohen 1988, Statistical Power Analysis,
    chapter 2.

    Returns:
        delta in the unit of the differences; None for fewer than two, or where all are equal.

    Example:
        >>> round(minimum_detectable_effect([-0.01, 0.0, 0.01, 0.02, 0.03]), 4)
        0.0266
    """
    spread = standard_deviation(differences)
    if spread is None or round(spread, _DECIMALS) == 0:
        return None
    from scipy import special

    n = len(differences)
    critical = special.stdtrit(n - 1, 1 - ALPHA / 2)
    noncentrality = special.nctdtrinc(n - 1, 1 - POWER, critical)
    return float(noncentrality * spread / math.sqrt(n))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p values, which control the chance of any false finding among m tests.

    With p_(1) <= ... <= p_(m): adjusted p_(i) = max over j <= i of min(1, (m - j + 1) p_(j)). Source: Holm
    1979, Scandinavian Journal of Statistics 6, 65-70.

    Returns:
        The adjusted values, in the order given.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    m = len(p_values)
    order = sorted(range(m), key=p_values.__getitem__)
    adjusted = accumulate((min(1.0, (m - rank) * p_values[index]) for rank, index in enumerate(order)), max)
    return [value for _, value in sorted(zip(order, adjusted, strict=True))]
