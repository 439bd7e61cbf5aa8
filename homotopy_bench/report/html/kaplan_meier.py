"""Estimate how many runs need at most so much to reach a target, where some never do.

Kaplan and Meier 1958, Journal of the American Statistical Association 53, 457-481: with d_i of the n_i runs that are
still on their way reaching the target at cost c_i,

    S(c) = prod over c_i <= c of (1 - d_i / n_i)

is the share of runs that have not reached it. A run that ends without reaching the target is on its way up to its end,
and censored there: it is never counted as if it had reached the target at its end, nor left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """State what a run paid until it reached the target, or until it ended without reaching it."""

    cost: float
    reached: bool


@dataclass(frozen=True)
class Step:
    """State the share of runs that reached the target for at most this cost."""

    cost: float
    share: float


def reached_shares(outcomes: Sequence[Outcome]) -> list[Step]:
    """Return 1 - S after every cost at which a run reached the target, by rising cost.

    A run that is censored at the cost at which another reaches the target is still counted on its way there.

    Example:
        >>> reached_shares([Outcome(2.0, True), Outcome(3.0, False), Outcome(4.0, True), Outcome(4.0, False)])
        [Step(cost=2.0, share=0.25), Step(cost=4.0, share=0.625)]
    """
    steps: list[Step] = []
    remaining = 1.0
    for cost in sorted({one.cost for one in outcomes if one.reached}):
        on_their_way = sum(one.cost >= cost for one in outcomes)
        reaching = sum(one.reached and one.cost == cost for one in outcomes)
        remaining *= 1.0 - reaching / on_their_way
        steps.append(Step(cost, 1.0 - remaining))
    return steps


def median_cost(outcomes: Sequence[Outcome]) -> float:
    """Return the smallest cost for which at least half of the runs reach the target; infinite where no half does.

    Example:
        >>> median_cost([Outcome(2.0, True), Outcome(3.0, True), Outcome(9.0, False)])
        3.0
    """
    return next((step.cost for step in reached_shares(outcomes) if step.share >= 0.5 - 1e-12), math.inf)
