"""Every statistic against an independent reference: a definition, an enumeration or an integral."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from homotopy_bench.core import statistics

accuracies = st.integers(0, 1000).map(lambda hits: hits / 1000)
differences = st.tuples(accuracies, accuracies).map(lambda pair: pair[0] - pair[1])


@given(st.lists(accuracies, min_size=2, max_size=30))
def test_mean_and_standard_deviation_are_the_textbook_ones(values):
    n = len(values)
    mean = sum(values) / n
    assert statistics.mean(values) == pytest.approx(mean)
    expected = math.sqrt(sum((x - mean) ** 2 for x in values) / (n - 1))
    assert statistics.standard_deviation(values) == pytest.approx(expected, abs=1e-12)


def test_too_few_values_give_none_without_a_warning():
    assert statistics.mean([]) is None
    assert statistics.interquartile_mean([]) is None
    assert statistics.standard_deviation([0.5]) is None
    assert statistics.student_interval([0.5]) is None
    assert statistics.wilcoxon_p([]) is None
    assert statistics.minimum_detectable_effect([0.1]) is None
    assert statistics.smallest_wilcoxon_p(0) is None
    assert statistics.holm([]) == []


@given(st.lists(accuracies, min_size=1, max_size=30), st.randoms())
def test_interquartile_mean_is_the_trimmed_mean_in_any_order(values, random):
    expected = stats.trim_mean(values, 0.25)
    random.shuffle(values)
    assert statistics.interquartile_mean(values) == pytest.approx(expected)


@settings(deadline=None)
@given(st.lists(accuracies, min_size=2, max_size=30).filter(lambda values: np.std(values) > 1e-4), st.randoms())
def test_the_interval_is_that_of_the_t_test_in_any_order(values, random):
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    random.shuffle(values)
    interval = statistics.student_interval(values)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(accuracies, st.integers(2, 30))
def test_equal_values_have_an_interval_without_length(value, n):
    interval = statistics.student_interval([value] * n)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((value, value), abs=1e-12)


SIMULATIONS = 2000


def coverage(samples: np.ndarray, true_mean: float) -> float:
    intervals = [statistics.student_interval(sample.tolist()) for sample in samples]
    return float(np.mean([one is not None and one.low <= true_mean <= one.high for one in intervals]))


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_the_interval_covers_normal_data_for_any_number_of_runs(n):
    # 0.02 are four standard errors of a share of 2000.
    samples = np.random.default_rng(n).normal(0.7, 0.01, size=(SIMULATIONS, n))
    assert 0.93 <= coverage(samples, 0.7) <= 0.97


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_the_interval_covers_skewed_data_as_often_as_is_written(n):
    samples = np.random.default_rng(n).exponential(size=(SIMULATIONS, n))
    assert 0.85 <= coverage(samples, 1.0) <= 0.94


@pytest.mark.parametrize(("n", "written"), [(3, 0.27), (10, 0.67)])
def test_nothing_covers_where_a_tenth_of_the_seeds_collapse(n, written):
    generator = np.random.default_rng(n)
    samples = generator.normal(0.7, 0.01, size=(SIMULATIONS, n))
    samples[generator.random(samples.shape) < 0.1] = 0.1
    assert coverage(samples, 0.9 * 0.7 + 0.1 * 0.1) == pytest.approx(written, abs=0.04)


@settings(deadline=None)
@given(st.lists(differences, min_size=1, max_size=8))
def test_wilcoxon_p_counts_all_sign_patterns(values):
    # In units of one test image the differences are integers, so that ties and zeros are exact here.
    images = [value for value in (round(1000 * value) for value in values) if value]
    ranks = stats.rankdata(np.abs(images)) if images else np.array([])
    observed = abs(float(np.sum(np.sign(images) * ranks)))
    patterns = [abs(np.dot(signs, ranks)) for signs in itertools.product([-1, 1], repeat=len(images))]
    expected = np.mean([pattern >= observed - 1e-9 for pattern in patterns])
    assert statistics.wilcoxon_p(values) == pytest.approx(expected)
    assert statistics.unequal_pairs(values) == len(images)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40, unique_by=lambda value: round(abs(value), 10)))
def test_wilcoxon_p_without_ties_is_that_of_scipy(values):
    values = [value for value in values if abs(value) > 1e-9]
    if values:
        assert statistics.wilcoxon_p(values) == pytest.approx(stats.wilcoxon(values, method="exact").pvalue)


def test_ties_that_rounding_errors_would_break_are_ties():
    values = [0.3 - 0.2, 0.2 - 0.1, -(0.4 - 0.3), 0.9 - 0.8, 0.7, 0.5]
    assert len({abs(value) for value in values}) > 3
    # Four midranks of 2.5, one of them negative: 10 of the 64 sign patterns have a rank sum as far from the centre.
    assert statistics.wilcoxon_p(values) == pytest.approx(10 / 64)


@pytest.mark.parametrize("n", range(1, 13))
def test_smallest_p_is_reached_when_every_pair_agrees(n):
    p = statistics.wilcoxon_p([0.01 * (i + 1) for i in range(n)])
    assert p is not None
    assert p == pytest.approx(statistics.smallest_wilcoxon_p(n))
    assert (p < 0.05) == (n >= 6)


@settings(max_examples=20, deadline=None)
@given(st.lists(differences, min_size=2, max_size=12).filter(lambda values: np.std(values) > 1e-4))
def test_minimum_detectable_effect_has_80_percent_power(values):
    n = len(values)
    effect = statistics.minimum_detectable_effect(values)
    assert effect is not None
    shift = effect * math.sqrt(n) / np.std(values, ddof=1)
    critical = stats.t.ppf(0.975, n - 1)

    # T = (Z + shift) / sqrt(W / df) exceeds the critical value where Z > critical sqrt(W / df) - shift.
    def integrand(w):
        return stats.norm.sf(critical * math.sqrt(w / (n - 1)) - shift) * stats.chi2.pdf(w, n - 1)

    pieces = [0.0, 1e-6, 1e-3, 0.1, 1.0, 10.0, 100.0]
    power = sum(integrate.quad(integrand, low, high)[0] for low, high in itertools.pairwise(pieces))
    assert power == pytest.approx(0.8, abs=2e-3)


def test_minimum_detectable_effect_of_34_pairs_is_half_a_standard_deviation():
    # G*Power 3.1: paired t-test, two-sided 0.05, power 0.8, dz = 0.5 takes 34 pairs (33 are too few).
    def in_standard_deviations(n: int) -> float:
        values = [(-1) ** i * 0.01 for i in range(n)]
        effect = statistics.minimum_detectable_effect(values)
        assert effect is not None
        return effect / float(np.std(values, ddof=1))

    assert in_standard_deviations(34) < 0.5 < in_standard_deviations(33)


def test_equal_differences_have_no_minimum_detectable_effect():
    assert statistics.minimum_detectable_effect([0.61 - 0.60, 0.62 - 0.61, 0.65 - 0.64]) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_closed_test_of_bonferroni(p_values):
    indices = range(len(p_values))
    subsets = [s for size in range(1, len(p_values) + 1) for s in itertools.combinations(indices, size)]
    expected = [
        max(min(1.0, len(subset) * min(p_values[j] for j in subset)) for subset in subsets if i in subset)
        for i in indices
    ]
    assert statistics.holm(p_values) == pytest.approx(expected)
