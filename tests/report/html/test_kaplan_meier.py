"""Kaplan-Meier against published numbers, scipy, and an algorithm of another kind."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from homotopy_bench.report.html.history import Evaluation, History
from homotopy_bench.report.html.kaplan_meier import Outcome, Step, median_cost, reached_shares
from homotopy_bench.report.html.targets import Target, budget, outcomes

# Weeks of remission under 6-MP, + censored (Freireich et al. 1963), and the estimates of S in Kalbfleisch and Prentice
# 2002, section 1.1.
REMISSION = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
SURVIVING = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}


def test_the_published_estimates_for_remission():
    found = reached_shares([Outcome(float(one.rstrip("+")), not one.endswith("+")) for one in REMISSION.split()])
    assert [step.cost for step in found] == list(SURVIVING)
    assert [1.0 - step.share for step in found] == pytest.approx(list(SURVIVING.values()), abs=5e-4)


def redistributed(found: list[Outcome]) -> list[Step]:
    """Efron 1967: a censored run gives its weight in equal parts to all runs after it."""
    # At equal cost, who reaches the target comes first.
    order = sorted(found, key=lambda one: (one.cost, not one.reached))
    weights = [Fraction(1, len(order))] * len(order)
    steps: dict[float, Fraction] = {}
    total = Fraction(0)
    for index, one in enumerate(order):
        if one.reached:
            total += weights[index]
            steps[one.cost] = total
        elif rest := len(order) - index - 1:
            share = weights[index] / rest
            weights[index + 1 :] = [weight + share for weight in weights[index + 1 :]]
    return [Step(cost, float(share)) for cost, share in steps.items()]


@given(st.lists(st.builds(Outcome, st.integers(1, 8).map(float), st.booleans()), min_size=1, max_size=12))
def test_it_equals_redistribution_to_the_right(found):
    ours, theirs = reached_shares(found), redistributed(found)
    assert [step.cost for step in ours] == [step.cost for step in theirs]
    assert [step.share for step in ours] == pytest.approx([step.share for step in theirs], abs=1e-12)
    median = next((step.cost for step in theirs if step.share >= 0.5 - 1e-12), math.inf)
    assert median_cost(found) == median


@given(st.lists(st.builds(Outcome, st.integers(1, 8).map(float), st.booleans()), min_size=1, max_size=30))
def test_it_is_the_estimate_of_scipy(found):
    if not any(one.reached for one in found):
        return  # scipy takes no sample of censored values alone
    costs = {kind: [one.cost for one in found if one.reached == kind] for kind in (True, False)}
    theirs = stats.ecdf(stats.CensoredData(uncensored=costs[True], right=costs[False]))
    expected = {
        cost: share
        for cost, share in zip(theirs.cdf.quantiles, theirs.cdf.probabilities, strict=True)
        if cost in costs[True]
    }
    ours = reached_shares(found)
    assert [step.cost for step in ours] == list(expected)
    assert [step.share for step in ours] == pytest.approx(list(expected.values()), abs=1e-12)


def test_misses_are_no_costs():
    assert reached_shares([Outcome(5.0, False), Outcome(7.0, False)]) == []
    assert median_cost([Outcome(5.0, False), Outcome(7.0, False)]) == math.inf


def history(accuracies: list[float], *, diverged: bool = False) -> History:
    evaluations = [
        Evaluation(epoch, 10.0 * epoch, 30.0 * epoch, 1.0 * epoch, 1.0, accuracy, accuracy)
        for epoch, accuracy in enumerate(accuracies, start=1)
    ]
    return History(0, diverged, tuple(evaluations))


def test_a_run_pays_until_the_evaluation_that_finds_the_target_and_a_miss_is_censored_at_its_end():
    runs = [
        history([0.1, 0.5, 0.4, 0.6]),
        history([0.1, 0.2, 0.3]),
        history([0.1, math.nan], diverged=True),
        history([0.1, 0.2, 0.3, 0.3, 0.3]),
    ]
    horizon = budget(runs)
    assert horizon == 50.0
    assert outcomes(runs, Target(0.5, 1.0, ""), horizon) == [
        Outcome(20.0, True),
        Outcome(30.0, False),
        Outcome(50.0, False),  # it would never reach it, however long it went on
        Outcome(50.0, False),
    ]
