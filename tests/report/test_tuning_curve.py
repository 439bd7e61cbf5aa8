"""Bounds of order statistics and bands of tuning curves: exact where theory is, and covering in simulations."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise

import numpy as np
import pytest
from opda.nonparametric import EmpiricalDistribution
from scipy.stats import kstwo

from homotopy_bench.report.order_statistics import order_statistic_bounds, probability_within
from homotopy_bench.report.tuning_curve import best_so_far, expected_best, sizes, tuning_band


def accuracies(seed: int, most: int) -> list[float]:
    """Between one and `most` accuracies of 20 images, some of them equal."""
    rng = np.random.default_rng(seed)
    return [float(one) / 20 for one in rng.integers(rng.integers(0, 20), 21, rng.integers(1, most + 1))]


@pytest.mark.parametrize("n", [1, 2, 5, 40, 300])
def test_the_probability_of_straight_bounds_is_that_of_daniels_and_of_kolmogorov(n):
    i = np.arange(1, n + 1)
    # Daniels 1945, Proc. R. Soc. A 183:405: P(U_(i) >= a i / n for all i) = 1 - a for every n.
    for a in (0.05, 0.4):
        assert probability_within(a * i / n, np.ones(n)) == pytest.approx(1 - a, abs=1e-10)
    exact = 1e-9 if n <= 140 else 1e-5  # beyond, scipy computes an expansion of Pelz and Good
    for distance in (0.5 / np.sqrt(n), 1.36 / np.sqrt(n)):
        low, high = np.maximum(i / n - distance, 0.0), np.minimum((i - 1) / n + distance, 1.0)
        assert probability_within(low, high) == pytest.approx(kstwo.cdf(distance, n), abs=exact)


@pytest.mark.parametrize("n", [1, 6, 50])
def test_all_bounds_hold_at_once_in_95_of_100_samples(n):
    low, high = order_statistic_bounds(n)
    samples = np.sort(np.random.default_rng(n).random((20000, n)), axis=1)
    share = float(((samples >= low) & (samples <= high)).all(axis=1).mean())
    assert abs(share - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 20000)


def _collapsing(rng: np.random.Generator) -> np.ndarray:
    """Accuracies of 200 images: a third at chance, the others skewed towards the best."""
    return np.concatenate([np.full(1000, 0.1), np.round(200 * (0.2 + 0.6 * rng.beta(5, 1, 2000))) / 200])


DISTRIBUTIONS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "uniform": lambda rng: rng.random(5000),
    "skewed": lambda rng: 0.7 * rng.beta(8, 1.5, 5000),
    "a third collapses": _collapsing,
    "few values": lambda rng: rng.choice([0.5, 0.6, 0.9], 3000, p=[0.7, 0.28, 0.02]),
    "one in a hundred trials is excellent": lambda rng: np.where(rng.random(5000) < 0.01, 1.0, 0.3),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("n", [6, 24])
def test_the_whole_true_curve_lies_in_the_band_in_at_least_95_of_100_studies(name, n):
    """The population is finite, so that the true expected maximum of k draws is a sum."""
    rng = np.random.default_rng([n, len(name)])
    population = np.sort(DISTRIBUTIONS[name](rng))
    ranks = np.arange(len(population) + 1) / len(population)
    true = np.array([np.diff(ranks**k) @ population for k in sizes(n)])
    studies, held = 1000, 0
    for _ in range(studies):
        band = tuning_band(rng.choice(population, n).tolist())
        low, high = np.array([one.low for one in band]), np.array([one.high for one in band])
        held += bool(((low <= true + 1e-12) & (true <= high + 1e-12)).all())
    assert held / studies >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / studies)


def test_the_band_is_that_of_opda():
    values = np.random.default_rng(3).beta(5, 3, 20)
    lower, _, upper = EmpiricalDistribution.confidence_bands(
        values, 0.95, 0.0, 1.0, method="ld_equal_tailed", generator=np.random.default_rng(0)
    )
    k, band = np.arange(1, 21), tuning_band(values.tolist())
    # A high distribution function is one of low values; opda simulates what is computed here.
    assert np.allclose([one.low for one in band], upper.average_tuning_curve(k), atol=2e-3)
    assert np.allclose([one.high for one in band], lower.average_tuning_curve(k), atol=2e-3)
    assert np.allclose(expected_best(values.tolist()), EmpiricalDistribution(values).u_tuning_curve(k), atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_the_expected_best_is_the_mean_over_all_choices(seed):
    values = accuracies(seed, 7)
    expected = [np.mean([max(one) for one in combinations(values, k)]) for k in range(1, len(values) + 1)]
    assert expected_best(values) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_curves_rise_and_bands_hold_the_distribution_of_the_trials_itself(seed):
    values = accuracies(seed, 30)
    band, expected, so_far = tuning_band(values), expected_best(values), best_so_far(values)
    for curve in ([one.low for one in band], [one.high for one in band], expected, so_far):
        assert all(b >= a - 1e-12 for a, b in pairwise(curve))
    assert expected[-1] == pytest.approx(max(values))
    assert so_far[-1] == max(values)
    drawn_with_repetition = [
        float(np.diff((np.arange(len(values) + 1) / len(values)) ** k) @ np.sort(values)) for k in sizes(len(values))
    ]
    for one, mean in zip(band, drawn_with_repetition, strict=True):
        assert -1e-12 <= one.low <= mean + 1e-12
        assert mean - 1e-12 <= one.high <= 1 + 1e-12


@pytest.mark.parametrize("n", [1, 2, 99, 100, 101, 5000])
def test_numbers_of_trials_rise_to_the_last_one(n):
    found = sizes(n)
    assert found == sorted(set(found))
    assert (found[0], found[-1]) == (1, n)
    assert len(found) < 250
