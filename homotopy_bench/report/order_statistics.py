"""Bound all order statistics of independent uniform draws at once, with exactly the stated probability.

Let U_(1) <= ... <= U_(n) be n sorted independent uniform draws. U_(i) has the distribution Beta(i, n + 1 - i). The
bounds are its quantiles a/2 and 1 - a/2, with one a for all i, such that all n of them hold at once with probability
1 - alpha. Source: Learned-Miller and DeStefano 2008, IEEE Trans. Inf. Theory 54:5223, section III; equal tails as in
Aldor-Noiman et al. 2013, Am. Stat. 67:249. There a is simulated; here it is computed.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from homotopy_bench.core.statistics import ALPHA

Bounds = Float[np.ndarray, " n"]


@lru_cache(maxsize=64)
def order_statistic_bounds(n: int, alpha: float = ALPHA) -> tuple[Bounds, Bounds]:
    """Return bounds l_i and h_i with P(l_i <= U_(i) <= h_i for all i) = 1 - alpha.

    Args:
        n: The number of draws, at least 1.
        alpha: The probability that any bound does not hold.

    Example:
        >>> low, high = order_statistic_bounds(1)
        >>> round(float(low[0]), 6), round(float(high[0]), 6)
        (0.025, 0.975)
    """
    from scipy.optimize import brentq
    from scipy.special import betaincinv

    index = np.arange(1, n + 1)

    def at(a: float) -> tuple[Bounds, Bounds]:
        return betaincinv(index, n + 1 - index, a / 2), betaincinv(index, n + 1 - index, 1 - a / 2)

    def excess(logarithm: float) -> float:
        return probability_within(*at(math.exp(logarithm))) - (1 - alpha)

    # Bonferroni's a = alpha / n is too small, and one bound alone would have a = alpha.
    least, most = math.log(alpha / n), math.log(alpha)
    return at(math.exp(brentq(excess, least, most, xtol=1e-10)) if n > 1 else alpha)


def probability_within(low: Bounds, high: Bounds) -> float:
    """Return P(low_i <= U_(i) <= high_i for all i) for bounds that rise with i.

    N(s), the number of draws below s, obeys N(low_i) < i and N(high_i) >= i. It moves like a Poisson process of rate n
    that ends with n points, so that a vector of probabilities, one for each value of N, goes from bound to bound by a
    convolution, loses there what breaks the bound, and is divided at s = 1 by P(Poisson(n) = n).
    Source: Moscovich and Nadler 2017, Stat. Probab. Lett. 123:177.

    Example:
        >>> round(probability_within(np.array([0.0, 0.0]), np.array([0.5, 1.0])), 6)  # 1 - P(both above a half)
        0.75
    """
    from scipy.stats import poisson

    n = len(low)
    moves = sorted([(float(s), 0, i) for i, s in enumerate(low, 1)] + [(float(s), 1, i) for i, s in enumerate(high, 1)])
    first, chances, here = 0, np.ones(1), 0.0  # chances[j] is that of N = first + j
    for place, is_upper, i in [*moves, (1.0, 1, n)]:
        if place > here:
            mean = n * (place - here)
            most = min(n - first, int(mean + 12 * math.sqrt(mean)) + 40)  # beyond, less than rounding error
            chances, here = np.convolve(chances, poisson.pmf(np.arange(most + 1), mean))[: n - first + 1], place
        if is_upper:
            chances, first = chances[max(i - first, 0) :], max(i, first)
        else:
            chances = chances[: max(i - first, 0)]
        if not len(chances):
            return 0.0
    return float(chances[-1] / poisson.pmf(n, n))
