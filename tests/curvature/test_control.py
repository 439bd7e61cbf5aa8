"""The rules of closed-loop learning rates against their formulas, driven by arbitrary numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homotopy_bench.curvature.control import FORMS, Cap, Kappa, Rule
from homotopy_bench.optim.lr_schedules.curvature import Curvature

POSITIVE = st.floats(1e-3, 1e3)
MEASUREMENTS = st.lists(st.tuples(POSITIVE, POSITIVE), min_size=12, max_size=40)


def one(value: float) -> list[float]:
    return [value]


@given(norms=st.lists(POSITIVE, min_size=1, max_size=60), every=st.integers(1, 5), c=POSITIVE, scheduled=POSITIVE)
def test_the_cap_is_its_recursion(norms: list[float], every: int, c: float, scheduled: float) -> None:
    """eta_k = min(sched, c/lam, 1.03 eta_{k-1}), as the design has it, with a constant schedule."""
    rule = Cap(Curvature(), c, 1)
    lam, eta = 0.0, None
    for step, norm in enumerate(norms):
        if step % every == 0:
            lam = max(0.999 * lam, norm)
            rule.observe(step, one(norm), one(1.0))
        eta = min(scheduled, 0.1 * c / lam) if eta is None else min(scheduled, c / lam, 1.03 * eta)
        (rate,) = rule.rate(step, scheduled)
        assert rate == pytest.approx(eta, rel=1e-9)


def test_the_cap_lets_a_schedule_begin_at_zero() -> None:
    rule = Cap(Curvature(), 4.0, 1)
    rates = []
    for step in range(200):
        rule.observe(step, one(1.0), one(1.0))
        rates.append(rule.rate(step, step / 100)[0])
    assert rates[0] == 0.0
    assert rates[50] == 0.5
    assert max(rates) <= 1.99


@given(measurements=MEASUREMENTS, alpha=st.floats(0.0, 5.0), scheduled=POSITIVE)
def test_kappa_is_its_formula(measurements: list[tuple[float, float]], alpha: float, scheduled: float) -> None:
    warm_up = 10
    rule = Kappa(Curvature(form="kappa", alpha=alpha, dense_steps=warm_up), 2.0, 1)
    mean, kappas = None, []
    for step, (norm, square) in enumerate(measurements):
        rule.observe(step, one(norm), one(square))
        mean = norm if mean is None else 0.9 * mean + 0.1 * norm
        kappas.append(mean / square)
        (rate,) = rule.rate(step, scheduled)
        if step < warm_up:
            assert rate == scheduled
        else:
            target = np.percentile(kappas[:warm_up], 75)
            expected = scheduled / (1.0 + alpha * max(0.0, kappas[-1] / target - 1.0))
            assert rate == pytest.approx(expected, rel=1e-9)


@given(measurements=MEASUREMENTS, scale=POSITIVE)
def test_with_a_learnt_target_the_published_form_does_not_see_the_scale_of_the_loss(
    measurements: list[tuple[float, float]], scale: float
) -> None:
    options = Curvature(form="kappa", dense_steps=6)
    plain, scaled = Kappa(options, 2.0, 1), Kappa(options, 2.0, 1)
    for step, (norm, square) in enumerate(measurements):
        plain.observe(step, one(norm), one(square))
        scaled.observe(step, one(scale * norm), one(scale**2 * square))
        assert scaled.rate(step, 0.1)[0] == pytest.approx(plain.rate(step, 0.1)[0], rel=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_a_failed_estimate_falls_back_to_the_schedule_and_the_next_one_steers_again(form: str) -> None:
    rule = FORMS[form](Curvature(form="cap", target=1.0), 2.0, 2)
    assert rule.rate(0, 0.5) == [0.5, 0.5]  # no estimate yet
    rule.observe(1, [100.0, 10.0], [1.0, 1.0])
    steered = rule.rate(1, 0.5)
    assert steered[0] < steered[1] < 0.5
    rule.fail()
    assert rule.rate(2, 0.25) == [0.25, 0.25]
    rule.observe(3, [100.0, 10.0], [1.0, 1.0])
    assert max(rule.rate(3, 0.5)) < 0.5


def test_layers_share_the_limit_of_the_whole() -> None:
    rule = Cap(Curvature(start=1.0), 3.0, 3)
    rule.observe(0, [1.0, 2.0, 4.0], [1.0, 1.0, 1.0])
    rates = np.array(rule.rate(0, 9.0))
    np.testing.assert_allclose(rates, [1.0, 0.5, 0.25])
    # Of all matrices with blocks of these norms the one of rank 1 is the worst, and is just within the limit.
    worst = np.sqrt(np.outer([1.0, 2.0, 4.0], [1.0, 2.0, 4.0]))
    scaled = np.sqrt(rates)[:, None] * worst * np.sqrt(rates)
    assert np.linalg.eigvalsh(scaled).max() == pytest.approx(3.0)


def test_no_curvature_sets_no_limit_and_the_first_that_is_there_starts_slowly() -> None:
    rule = Cap(Curvature(), 2.0, 1)
    rule.observe(0, [0.0], [1.0])
    assert rule.rate(0, 7.0) == [7.0]
    rule.observe(1, [4.0], [1.0])
    assert rule.rate(1, 7.0) == [pytest.approx(0.05)]


@pytest.mark.parametrize("form", FORMS)
def test_a_block_without_a_gradient_leaves_the_rates_of_the_others_alone(form: str) -> None:
    options = Curvature(form="cap", dense_steps=3)
    pair, alone = FORMS[form](options, 4.0, 2), FORMS[form](options, 2.0, 1)  # with two blocks each has half the limit
    for step, (norm, square) in enumerate([(1.0, 1.0), (3.0, 0.5), (2.0, 2.0), (8.0, 0.1), (8.0, 0.1)]):
        pair.observe(step, [0.0, norm], [0.0, square])
        alone.observe(step, one(norm), one(square))
        still, steered = pair.rate(step, 10.0)
        assert still == 10.0
        assert one(steered) == alone.rate(step, 10.0)
    assert steered < 10.0
    assert pair.kappa == [0.0, *alone.kappa]


def test_a_target_is_learnt_late_where_the_warm_up_gave_none() -> None:
    rule = Kappa(Curvature(form="kappa", dense_steps=3), 2.0, 1)
    for step in range(3):
        rule.fail()
        assert rule.rate(step, 1.0) == [1.0]
    rule.observe(3, [2.0], [1.0])
    assert rule.rate(3, 1.0) == [1.0]
    rule.observe(4, [2.0], [0.25])
    assert rule.rate(4, 1.0) == [pytest.approx(0.25)]


def test_a_target_is_never_learnt_from_no_curvature() -> None:
    rule = Kappa(Curvature(form="kappa", dense_steps=1), 2.0, 1)
    rule.observe(0, [0.0], [1.0])  # as the gradient proxy's first estimate is
    assert rule.rate(0, 1.0) == [1.0]
    rule.observe(1, [2.0], [1.0])
    assert rule.rate(1, 1.0) == [1.0]
    rule.observe(2, [2.0], [0.1])
    assert rule.rate(2, 1.0)[0] < 0.5
    layers = Kappa(Curvature(form="kappa", dense_steps=1, scope="per_layer"), 2.0, 2)
    for step, square in enumerate((1.0, 0.1)):  # a layer that has none keeps no other from its target
        layers.observe(step, [2.0, 0.0], [square, 1.0])
        rates = layers.rate(step, 1.0)
    assert rates[0] < 0.5
    assert rates[1] == 1.0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("stop", [0, 3, 8])
def test_a_rule_continues_from_its_state(form: str, stop: int) -> None:
    generator = np.random.default_rng(0)
    values = generator.uniform(0.5, 50.0, size=(20, 2, 2)).tolist()
    options = Curvature(form="cap", dense_steps=6)

    def drive(rule: Rule, begin: int, end: int) -> list[list[float]]:
        rates = []
        for step in range(begin, end):
            if step % 3 == 0:
                rule.observe(step, *values[step])
            rates.append(rule.rate(step, 0.1))
        return rates

    whole, first, second = (FORMS[form](options, 3.8, 2) for _ in range(3))
    expected = drive(whole, 0, 20)
    drive(first, 0, stop)
    second.load(json.loads(json.dumps(first.to_dict())))
    assert drive(second, stop, 20) == expected[stop:]
