"""Define rules: estimates go in when there are any, a rate comes out at every step.

A rule belongs to one member and has one rate per block of parameters. It lives on the host and knows nothing of
networks, so that it can be driven by any sequence of numbers. Its numbers are plain floats: there are few, and a step
of a small network takes a millisecond, of which an array operation would be a visible part.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import isfinite, isnan, nan
from typing import Any

from homotopy_bench.optim.lr_schedules.curvature import Curvature

Values = list[float]
"""One number per block, B in all."""


def has_ratio(norm: float, square: float) -> bool:
    """Return whether |H|/|g|^2 is a number: there is a gradient, and floats can divide by its square."""
    return square > 0.0 and isfinite(norm / square)


class Rule(ABC):
    """Set a learning rate per block from |H| and kappa = |H|/|g|^2.

    Attributes:
        norm: |H| of the last estimate; not a number before the first.
        kappa: |H|/|g|^2 of the last estimate.
        failing: Whether the last estimate failed: the rate is then the schedule's.

    Args:
        options: The schedule's options.
        stability: c, the largest eta lambda at which the optimiser is stable on a quadratic.
        blocks: Number B of blocks.
    """

    remembered: tuple[str, ...] = ("norm", "kappa", "failing")
    """Names of the attributes that are a rule's state."""

    def __init__(self, options: Curvature, stability: float, blocks: int) -> None:
        self.options, self.stability = options, stability
        self.norm: Values = [nan] * blocks
        self.kappa: Values = [nan] * blocks
        self.failing = True

    def observe(self, step: int, norm: Values, square: Values) -> None:
        """Take the estimate of a step into account: |H| = ``norm`` >= 0 and |g|^2 = ``square`` >= 0, both finite."""
        self.norm, self.failing = norm, False
        self.kappa = self.ratios(norm, square)
        self.learn(step, square)

    def ratios(self, norm: Values, square: Values) -> Values:
        """Return ``norm``/|g|^2 of every block; where it has no gradient kappa stays, and is 0 before there was one."""
        return [
            one / of if has_ratio(one, of) else 0.0 if isnan(before) else before
            for one, of, before in zip(norm, square, self.kappa, strict=True)
        ]

    def fail(self) -> None:
        """Forget to steer until there is an estimate again."""
        self.failing = True

    def rate(self, step: int, scheduled: float) -> Values:
        """Return the rates of a step, from the open-loop schedule's; steps are asked for in order."""
        steered = self.steer(step, scheduled)
        return [scheduled] * len(self.norm) if self.failing else steered

    @abstractmethod
    def learn(self, step: int, square: Values) -> None:
        """Take the new ``norm`` and ``kappa`` into account, with |g|^2 = ``square``."""

    @abstractmethod
    def steer(self, step: int, scheduled: float) -> Values:
        """Return the rates of a step, and move on by a step."""

    def to_dict(self) -> dict[str, Any]:
        """Return the state."""
        return {name: copy.deepcopy(getattr(self, name)) for name in self.remembered}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from a state."""
        for name in self.remembered:
            setattr(self, name, copy.deepcopy(state[name]))
