"""The adaptive path: on losses written by hand, and that it always arrives."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homotopy_bench.continuation.path_controller import Move, PathController, Rules

RULES = Rules(first_step=0.1, haste=100.0, jump=0.5, settle=0.05, growth=2.0, patience=2, longest_wait=4)


def test_a_settled_loss_advances_and_an_easy_success_lengthens_the_step() -> None:
    controller = PathController(0.1)
    assert not controller.check(1.0, 99, RULES).accept
    move = controller.check(0.99, 98, RULES)
    assert move.accept
    assert move.t == pytest.approx(0.2)  # nothing was lost: the step doubles before it is taken
    assert (controller.reference, controller.accepted) == (0.99, 1)


def test_a_falling_loss_is_waited_for_but_not_for_ever() -> None:
    controller = PathController(0.1)
    moves = [controller.check(loss, 90, RULES) for loss in (8.0, 4.0, 2.0, 1.0)]
    assert [move.accept for move in moves] == [False, False, False, True]
    assert moves[-1].t > 0


def test_a_success_that_costs_something_leaves_the_step_as_it_is() -> None:
    controller = PathController(0.1, t=0.2, accepted_t=0.1, reference=1.0, waited=1, previous=1.1)
    assert controller.check(1.1, 90, RULES).t == pytest.approx(0.3)


def test_a_jump_is_taken_back_and_the_step_halved() -> None:
    controller = PathController(0.1, t=0.4, accepted_t=0.3, reference=1.0)
    assert not controller.check(1.6, 60, RULES).restore  # the corrector has its patience
    move = controller.check(1.6, 59, RULES)
    assert move.restore
    assert move.t == pytest.approx(0.35)
    assert (controller.rejected, controller.step, controller.accepted_t) == (1, 0.05, 0.3)


def test_a_loss_that_is_not_finite_is_taken_back_at_once() -> None:
    controller = PathController(0.1, t=0.4, accepted_t=0.3, reference=1.0)
    assert controller.check(math.nan, 1, RULES).restore


def test_no_advance_is_longer_than_the_haste_allows() -> None:
    rules = replace(RULES, haste=1.25)
    controller = PathController(0.9, t=0.2, accepted_t=0.1, reference=1.0, waited=1, previous=1.0)
    move = controller.check(1.0, 40, rules)
    pace = 2 * (1 - 0.2) / 40  # two checks an advance and 40 left
    assert move.t == pytest.approx(0.2 + 1.25 * pace)


def test_a_late_member_is_not_sent_back_and_hurries() -> None:
    controller = PathController(0.001, t=0.4, accepted_t=0.3, reference=1.0, waited=1, previous=9.0)
    move = controller.check(9.0, 10, RULES)
    assert move.accept
    assert move.t == pytest.approx(0.4 + 2 * 0.6 / 10)


def test_an_advance_to_the_target_is_judged_like_any_other() -> None:
    jumped = PathController(0.1, t=1.0, accepted_t=0.9, reference=1.0, waited=1)
    move = jumped.check(1.6, 50, RULES)
    assert move.restore
    assert move.t == pytest.approx(0.95)
    calm = PathController(0.1, t=1.0, accepted_t=0.9, reference=1.0, waited=1, previous=1.0)
    assert calm.check(1.0, 50, RULES).accept
    assert calm.arrived


def test_nothing_moves_once_the_path_has_arrived() -> None:
    controller = PathController(0.1, t=1.0, accepted_t=1.0, reference=1.0, arrived=True)
    assert controller.check(1e9, 5, RULES) == controller.check(math.inf, 0, RULES) == Move(1.0)
    assert controller.t == 1.0


def test_what_breaks_before_the_first_advance_begins_again_at_the_beginning() -> None:
    controller = PathController(0.1)
    assert controller.check(math.nan, 90, RULES) == Move(0.0, restore=True)
    exploded = PathController(0.1)
    exploded.check(2.3, 90, RULES)
    assert exploded.check(1e30, 89, RULES) == Move(0.0, restore=True)


def test_without_checks_left_a_broken_member_goes_back_and_arrives_all_the_same() -> None:
    controller = PathController(0.1, t=0.4, accepted_t=0.3, reference=1.0)
    assert controller.check(math.nan, 0, RULES) == Move(1.0, restore=True)
    assert controller.arrived


@given(
    st.lists(st.sampled_from([math.nan, math.inf, 1e-3, 0.9, 1.0, 1.1, 2.0, 1e3]), min_size=1, max_size=60),
    st.floats(1e-4, 1.0),
    st.floats(1.0, 10.0),
)
def test_every_path_arrives_in_time(losses: list[float], first: float, haste: float) -> None:
    controller = PathController(first)
    rules = Rules(first, haste, 0.5, 0.05, 1.5, 2, 6)
    for checks_left, loss in zip(reversed(range(len(losses))), losses, strict=True):
        before = controller.t
        move = controller.check(loss, checks_left, rules)
        assert 0.0 <= move.t <= 1.0
        assert move.t >= before or move.restore
        assert not (move.accept and not math.isfinite(loss))
    assert controller.t == 1.0
    assert repr(PathController(**controller.to_dict())) == repr(controller)  # a loss may be NaN, which equals nothing


@given(st.integers(50, 300), st.floats(0.01, 0.5))
def test_a_calm_path_is_walked_steadily(checks: int, first: float) -> None:
    controller, rules = PathController(first), Rules(first, 1.25, 0.5, 0.05, 1.5, 2, 6)
    t = [controller.check(1.0, checks - 1 - check, rules).t for check in range(checks)]
    assert max(b - a for a, b in pairwise(t[:-4])) <= max(first, 1.25 * 2 / (checks - 2) * 1.5)
    assert t[checks // 2] >= 0.5 - 2 * 2 / checks
