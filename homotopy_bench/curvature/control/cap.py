"""Cap the rate, the guarded form: never faster than the curvature allows, otherwise the schedule."""

from __future__ import annotations

from math import isnan, nan

from typing_extensions import override

from homotopy_bench.curvature.control.base import Rule, Values
from homotopy_bench.optim.lr_schedules.curvature import Curvature


class Cap(Rule):
    """eta_k = min(sched_k, limit_k) with limit_k = min(c/lam, 1.03 limit_{k-1}) and limit_0 = 0.1 c/lam.

    lam <- max(0.999 lam, |H|) at every estimate of |H|: a single one is a lower bound, and the further training has
    moved since the last, the lower. So the largest of many counts, and it is forgotten estimate by estimate, not step
    by step (with a decay at every step and an estimate at every 50th, lam fell below a true curvature that the
    estimates missed, and training diverged: docs/curvature.md). c = 2 (1 + momentum) is where gradient descent on a
    quadratic of curvature lam ceases to converge (:meth:`Optimizer.stability`); decay 0.999, growth 1.03 and start 0.1
    are options. With B blocks c is divided by B: where H is positive semidefinite, H <= B diag(H_1, ..., H_B), and
    layers that each went to their own limit would together go beyond that of H. The limit grows, not eta itself, so
    that a schedule that begins at 0 is not held there.
    """

    remembered = (*Rule.remembered, "ceiling", "limit")

    def __init__(self, options: Curvature, stability: float, blocks: int) -> None:
        super().__init__(options, stability, blocks)
        self.ceiling: Values = [nan] * blocks
        self.limit: Values = [nan] * blocks

    @override
    def learn(self, step: int, square: Values) -> None:
        """Let the ceiling lam fall a little, but not below the new estimate."""
        decay = self.options.decay
        self.ceiling = [
            new if isnan(old) else max(decay * old, new) for old, new in zip(self.ceiling, self.norm, strict=True)
        ]

    @override
    def steer(self, step: int, scheduled: float) -> Values:
        """Return min(sched, limit), and let the limit move on."""
        for block, ceiling in enumerate(self.ceiling):
            if ceiling > 0.0:  # without an estimate, or without curvature, there is no limit
                bound = self.stability / (len(self.ceiling) * ceiling)
                before = self.limit[block]
                self.limit[block] = (
                    self.options.start * bound if isnan(before) else min(bound, self.options.growth * before)
                )
        return [scheduled if isnan(limit) else min(scheduled, limit) for limit in self.limit]
