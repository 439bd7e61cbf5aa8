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
        >>> mean([1.0, 2.0, 6.0]), mean([1.5e308, 1.5e308])
        (3.0, 1.5e+308)
    """
    if not values:
        return None
    try:
        return math.fsum(values) / len(values)
    except OverflowError:  # of the sum alone
        return math.fsum(value / len(values) for value in values)


def standard_deviation(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation sqrt(sum((x_i - mean)^2) / (n - 1)), or None for fewer than two values.

    Example:
        >>> standard_deviation([1.0, 3.0]), standard_deviation([1e200, 3e200])
        (1.4142135623730951, 1.414213562373095e+200)
    """
    if len(values) < 2:
        return None
    largest = max(map(abs, values))
    unit = largest if 1e150 < largest < math.inf else 1.0  # the squares of larger numbers are none any more
    return unit * float(np.std(np.asarray(values) / unit, ddof=1))


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


def student_interval(values: Sequence[float]) -> Interval | None:
    """Return the 95 % interval of the mean by Student's t, or None for fewer than two values.

    m -+ t s / sqrt(n), with m and s the mean and the standard deviation (ddof = 1) of the n values and t the 97.5 %
    quantile of Student's distribution with n - 1 degrees of freedom. It covers the true mean of normal data with 95 %
    for every n. In 2000 simulations it covered exponential data with 87 to 92 % at n = 3 to 20; where a tenth of the
    seeds collapse to chance it covers with 27 % at n = 3 and 67 % at n = 10, and so does nothing else.
    Source: Student 1908, Biometrika 6, 1-25.

    Example:
        >>> interval = student_interval([1.0, 2.0, 3.0])
        >>> round(interval.low, 3), round(interval.high, 3)
        (-0.484, 4.484)
        >>> student_interval([0.5, 0.5, 0.5])
        Interval(low=0.5, high=0.5)
    """
    centre, deviation = mean(values), standard_deviation(values)
    if centre is None or deviation is None:
        return None
    from scipy import special

    n = len(values)
    half = float(special.stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * deviation / math.sqrt(n)
    return Interval(centre - half, centre + half)


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
    """Return the exact two-sided p of the Wilcoxon signed-rank test, or None for no differences.

    With r_i the ranks of the |d_i|, ties sharing their mean rank, p is the share of the 2^n sign patterns whose rank
    sum W = sum of the r_i with a positive sign is at least as far from its centre sum(r_i) / 2. The shares come from
    the product of (1 + z^(2 r_i)) / 2, whose exponents are integers. Zero differences are dropped (Wilcoxon's own
    rule); where all are zero, p = 1. Source: Wilcoxon 1945, Biometrics Bulletin 1, 80-83.

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
    _, places, ties = np.unique(np.abs(unequal), return_inverse=True, return_counts=True)
    doubled = (2 * np.cumsum(ties) - ties + 1)[places]  # twice the mean rank of the ties
    total = int(doubled.sum())
    shares = np.zeros(total + 1)
    shares[0] = 1.0
    for rank in doubled:
        moved = shares.copy()
        moved[rank:] += shares[:-rank]
        shares = moved / 2
    sums = np.arange(total + 1)
    observed = int(doubled[unequal > 0].sum())
    return float(shares[np.abs(2 * sums - total) >= abs(2 * observed - total)].sum())


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
