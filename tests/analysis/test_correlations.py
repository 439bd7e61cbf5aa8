"""Correlations against scipy and brute force."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

from homotopy_bench.analysis import correlations as module
from homotopy_bench.analysis.correlations import correlations, stratified_tau


def tau_of(x, y) -> float:
    found = stratified_tau([np.asarray(x, float)], [np.asarray(y, float)])
    assert found is not None
    return found


@pytest.mark.parametrize("ties", [False, True])
def test_one_stratum_is_kendalls_tau_b_with_its_exact_permutation_p(ties: bool) -> None:
    generator = np.random.default_rng(0)
    for _ in range(3):
        x, y = generator.standard_normal((2, 6))
        if ties:
            x, y = np.round(x), np.round(y, 1)
        (found,) = correlations({"m": list(x)}, list(y), ["s"] * 6)
        if ties and found.refused:  # so many ties that no order is rare
            continue
        assert found.tau is not None
        assert found.tau == pytest.approx(stats.kendalltau(x, y).statistic)
        taus = [abs(stats.kendalltau(x, np.array(order)).statistic) for order in permutations(y)]
        assert found.p == pytest.approx(np.mean([tau >= abs(found.tau) - 1e-12 for tau in taus]))
        assert found.exact
        if not ties:
            assert found.p == pytest.approx(stats.kendalltau(x, y, method="exact").pvalue)


def test_strata_are_permuted_apart() -> None:
    generator = np.random.default_rng(1)
    x, y, strata = generator.standard_normal(7), generator.standard_normal(7), ["a"] * 4 + ["b"] * 3
    (found,) = correlations({"m": list(x)}, list(y), strata)
    parts = [slice(0, 4), slice(4, 7)]

    def tau(values) -> float:
        signs = [
            [(np.sign(x[p][j] - x[p][i]), np.sign(v[j] - v[i])) for i in range(len(v)) for j in range(i + 1, len(v))]
            for p, v in zip(parts, values, strict=True)
        ]
        pairs = [pair for one in signs for pair in one]
        return float(sum(a * b for a, b in pairs) / len(pairs))

    assert found.tau is not None
    assert found.tau == pytest.approx(tau([y[p] for p in parts]))
    taus = [abs(tau([np.array(a), np.array(b)])) for a, b in product(*(permutations(y[p]) for p in parts))]
    assert found.p == pytest.approx(np.mean([one >= abs(found.tau) - 1e-12 for one in taus]))
    assert (found.runs, found.strata) == (7, 2)


def test_within_strata_the_sign_can_be_the_opposite_of_that_over_all() -> None:
    x, y = [1.0, 2.0, 3.0, 4.0, 11.0, 12.0, 13.0, 14.0], [0.4, 0.3, 0.2, 0.1, 1.0, 0.9, 0.8, 0.7]
    assert tau_of(x, y) > 0
    (found,) = correlations({"m": x}, y, ["a"] * 4 + ["b"] * 4)
    assert found.tau == -1.0
    assert found.interval is not None
    assert found.interval[1] <= 0.0


def test_p_is_corrected_for_the_number_of_figures_that_were_tested() -> None:
    y = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    figures: dict[str, list[float | None]] = {
        "up": [1.0, 2, 3, 4, 5, 6],
        "noise": [3.0, 1, 4, 2, 6, 5],
        "absent": [None] * 6,
    }
    found = {one.figure: one for one in correlations(figures, y, ["s"] * 6)}
    assert found["up"].p is not None
    assert found["up"].p_holm == pytest.approx(2 * found["up"].p)
    assert found["absent"].p_holm is None


@pytest.mark.parametrize(
    ("x", "strata", "why"),
    [
        ([1.0, 2.0, 3.0, 4.0], ["s"] * 4, "4 runs in strata of at least two; at least 5 are needed"),
        ([1.0, 2.0, 3.0, 4.0, 5.0], list("abcde"), "0 runs in strata of at least two"),
        ([1.0, None, 3.0, float("nan"), 5.0, 6.0], ["s"] * 6, "4 runs in strata"),
        ([2.0] * 5, ["s"] * 5, "agree in the figure or in the outcome"),
        (
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            ["a", "a", "b", "b", "c", "c"],
            "the smallest p that these runs can reach is 0.25",
        ),
    ],
)
def test_too_few_runs_say_nothing(x, strata, why: str) -> None:
    (found,) = correlations({"m": x}, [0.1 * number for number in range(len(x))], strata)
    assert why in found.refused
    assert (found.tau, found.p, found.interval) == (None, None, None)


def test_of_too_many_permutations_some_are_drawn(monkeypatch) -> None:
    x, y = list(range(8)), [0.1, 0.3, 0.2, 0.4, 0.6, 0.5, 0.8, 0.7]
    (exact,) = correlations({"m": x}, y, ["s"] * 8)
    monkeypatch.setattr(module, "MOST_PERMUTATIONS", 20_000)
    (drawn,) = correlations({"m": x}, y, ["s"] * 8)
    assert exact.exact
    assert not drawn.exact
    assert drawn.p == pytest.approx(exact.p, abs=0.005)
