"""Continuation schedules: exact at their boundaries, within [0, 1], never going back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homotopy_bench.continuation.base import Continuation
from homotopy_bench.continuation.constant import Constant
from homotopy_bench.continuation.cosine import Cosine
from homotopy_bench.continuation.linear import Linear
from homotopy_bench.continuation.polynomial import Polynomial
from homotopy_bench.continuation.shuffled import Shuffled
from homotopy_bench.continuation.stepwise import Stepwise
from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.core.options import option_class

warmups = st.floats(0.01, 1.0)
schedules = st.one_of(
    st.builds(Linear, warmup_fraction=warmups),
    st.builds(Cosine, warmup_fraction=warmups),
    st.builds(Polynomial, warmup_fraction=warmups, power=st.floats(0.1, 10.0)),
    st.builds(Stepwise, warmup_fraction=warmups, stages=st.integers(1, 200)),
)


def at(schedule: Continuation, *progress: float) -> list[float]:
    values: list[float] = schedule.at(np.array(progress)).tolist()
    return values


@given(schedules, st.integers(1, 500))
def test_every_path_stays_within_bounds_rises_and_arrives(schedule: Continuation, steps: int) -> None:
    t = schedule.table(steps, seed=0)
    assert t.shape == (steps,)
    assert ((t >= 0) & (t <= 1)).all()
    assert (np.diff(t) >= 0).all()
    assert t[-1] == 1.0
    warmup = schedule.model_dump()["warmup_fraction"]
    arrived = np.arange(steps) / steps >= warmup
    assert (t[arrived] == 1.0).all()


@pytest.mark.parametrize("warmup", [0.1, 0.3, 0.6, 1.0])
def test_boundaries(warmup: float) -> None:
    for schedule in (Linear, Cosine, Polynomial):
        before, middle, end, after = at(schedule(warmup_fraction=warmup), 0.0, warmup / 2, warmup, (warmup + 1) / 2)
        assert before == 0.0
        assert 0.0 < middle < 1.0
        assert end == 1.0
        assert after == 1.0


def test_values_from_the_definitions() -> None:
    u = [0.0, 0.15, 0.3, 0.45, 0.6, 0.9]
    v = [min(1.0, x / 0.6) for x in u]
    assert at(Linear(warmup_fraction=0.6), *u) == pytest.approx(v, abs=1e-15)
    assert at(Cosine(warmup_fraction=0.6), *u) == pytest.approx([(1 - math.cos(math.pi * x)) / 2 for x in v], abs=1e-15)
    assert at(Polynomial(warmup_fraction=0.6, power=3.0), *u) == pytest.approx([x**3 for x in v], abs=1e-15)
    assert at(Constant(), *u) == [1.0] * 6


@given(st.integers(1, 100), warmups)
def test_stages_begin_at_their_boundary_and_have_equal_values(stages: int, warmup: float) -> None:
    schedule = Stepwise(warmup_fraction=warmup, stages=stages)
    starts = [j * warmup / stages for j in range(stages)]
    assert at(schedule, *starts) == pytest.approx([j / stages for j in range(stages)], abs=1e-12)
    middles = [(j + 0.5) * warmup / stages for j in range(stages)]
    assert at(schedule, *middles) == at(schedule, *starts)


@given(warmups, st.integers(1, 500), st.integers(0, 2**63 - 1))
def test_shuffled_has_the_values_of_the_linear_path_and_arrives(warmup: float, steps: int, seed: int) -> None:
    t = Shuffled(warmup_fraction=warmup).table(steps, seed)
    assert sorted(t) == Linear(warmup_fraction=warmup).table(steps, seed).tolist()
    assert t[-1] == 1.0


def test_shuffled_order_belongs_to_the_seed_and_is_no_path() -> None:
    schedule = Shuffled(warmup_fraction=1.0)
    first, again, other = (schedule.table(2000, seed) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    # Of n values in random order, the rank correlation with the step has standard deviation 1/sqrt(n-1).
    for table in (first, other):
        assert abs(np.corrcoef(table[:-1], np.arange(1999))[0, 1]) < 5 / math.sqrt(1998)
    assert abs(np.corrcoef(first[:-1], other[:-1])[0, 1]) < 5 / math.sqrt(1998)


def test_every_schedule_of_the_configuration_has_its_class() -> None:
    for path in (conf_dir() / "continuation").glob("*.yaml"):
        assert issubclass(option_class("continuation", path.stem), Continuation)
