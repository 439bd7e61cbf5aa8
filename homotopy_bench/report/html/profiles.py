"""Compute performance profiles: how often a method is within a factor of the cheapest one.

Dolan and More 2002, Mathematical Programming 91, 201-213, section 2: with c(p, s) the cost of method s on problem p,
infinite where it does not solve it,

    r(p, s) = c(p, s) / min over s' of c(p, s'),        rho_s(tau) = share of problems with r(p, s) <= tau.

A problem that no method solves counts as one that each of them does not solve.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import chain

Costs = Mapping[str, Mapping[str, float]]
"""Problem -> method -> cost > 0, infinite where the method does not solve the problem."""


def shared(costs: Costs) -> tuple[Costs, list[str]]:
    """Return the problems that every method of the profiles has, with these methods' costs alone, and the methods.

    A method counts that stands in at least two problems. A problem on which one of them was never run says nothing
    about it, and is left out; so profiles compare all methods on the same problems.
    """
    all_methods = list(dict.fromkeys(chain.from_iterable(costs.values())))
    methods = [one for one in all_methods if sum(one in own for own in costs.values()) >= 2]
    kept = {
        problem: {one: own[one] for one in methods}
        for problem, own in costs.items()
        if all(one in own for one in methods)
    }
    return (kept, methods) if len(methods) >= 2 and len(kept) >= 2 else ({}, [])


def ratios(costs: Costs) -> dict[str, dict[str, float]]:
    """Return problem -> method -> its cost over that of the cheapest method there; infinite where it is not solved.

    Example:
        >>> ratios({"p": {"a": 10.0, "b": 15.0}, "q": {"a": math.inf, "b": math.inf}})
        {'p': {'a': 1.0, 'b': 1.5}, 'q': {'a': inf, 'b': inf}}
    """
    found = {}
    for problem, own in costs.items():
        least = min(own.values(), default=math.inf)
        found[problem] = {one: cost / least if math.isfinite(cost) else math.inf for one, cost in own.items()}
    return found


def profile(ratios_of_problems: Mapping[str, Mapping[str, float]], method: str) -> list[tuple[float, float]]:
    """Return (tau, rho) at every tau at which the profile of a method rises, by rising tau.

    Example:
        >>> profile({"p": {"a": 1.0}, "q": {"a": 3.0}, "r": {"a": math.inf}, "s": {"a": 1.0}}, "a")
        [(1.0, 0.5), (3.0, 0.75)]
    """
    own = [of_problem[method] for of_problem in ratios_of_problems.values()]
    solved = sorted({one for one in own if math.isfinite(one)})
    return [(tau, sum(one <= tau for one in own) / len(own)) for tau in solved]
