"""Performance profiles against their definition, written out slowly."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homotopy_bench.report.html.profiles import profile, ratios, shared

COST = st.one_of(st.integers(1, 20).map(float), st.just(math.inf))
METHODS = ("a", "b", "c")


@given(st.lists(st.tuples(COST, COST, COST), min_size=2, max_size=8))
def test_profiles_are_shares_of_problems_within_a_factor(table):
    costs = {str(problem): dict(zip(METHODS, row, strict=True)) for problem, row in enumerate(table)}
    found = ratios(costs)
    for index, method in enumerate(METHODS):
        steps = profile(found, method)
        assert [tau for tau, _ in steps] == sorted({tau for tau, _ in steps})
        for tau in [1.0, 1.5, 2.0, 7.0, 1e9, *(tau for tau, _ in steps)]:
            within = 0
            for row in table:
                # c <= tau min c, and a problem that is not solved is within no factor
                if row[index] < math.inf and row[index] <= tau * min(row) * (1 + 1e-12):
                    within += 1
            risen = [share for at, share in steps if at <= tau * (1 + 1e-12)]
            assert (risen[-1] if risen else 0.0) == pytest.approx(within / len(table))


def test_all_methods_are_compared_on_the_same_problems():
    costs = {"p": {"a": 1.0, "b": 2.0}, "q": {"a": 1.0, "b": 2.0, "c": 3.0}, "r": {"a": 5.0}}
    kept, methods = shared(costs)
    assert methods == ["a", "b"]
    assert kept == {"p": {"a": 1.0, "b": 2.0}, "q": {"a": 1.0, "b": 2.0}}


def test_one_problem_or_one_method_makes_no_profile():
    assert shared({"p": {"a": 1.0, "b": 2.0}}) == ({}, [])
    assert shared({"p": {"a": 1.0}, "q": {"a": 2.0}}) == ({}, [])
