"""The guarded form: never faster than the curvature allows, otherwise the schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from homotopy_bench.optim.control.base import Rule, Values

if TYPE_CHECKING:
    from homotopy_bench.optim.lr_schedules.curvature import Curvature


class Cap(Rule):
    """eta_k = min(sched_k, limit_k) with limit_k = min(c/lam, 1.03 limit_{k-1}) and limit_0 = 0.1 c/lam.

    lam <- max(0.999 lam, |H|) at every estimate of |H|: a single one is a lower bound, and the further training has
    moved since the last, the lower. So the largest of many counts, and it is forgotten estimate by estimate, not step
    by step (with a decay at every step and an estimate at every 50th, lam fell below a true curvature that the
    estimates missed, and training diverged: docs/curvature.md). c = 2 (1 + momentum) is where gradient descent on a
    quadratic of curvature lam ceases to converge (:meth:`Optimizer.stability`); decay 0.999, growth 1.03 and start 0.1
    are options. The limit grows, not eta itself, so that a schedule that begins at 0 is not held there.
    """

    remembered = (*Rule.remembered, "ceiling", "limit")

    def __init__(self, options: Curvature, stability: float, blocks: int) -> None:
        super().__init__(options, stability, blocks)
        self.ceiling: Values = np.full(blocks, np.nan)
        self.limit: Values = np.full(blocks, np.nan)

    def learn(self, step: int, square: Values) -> None:  # noqa: ARG002 - the gradient has no say
        """Let the ceiling lam fall a little, but not below the new estimate."""
        self.ceiling = np.fmax(self.options.decay * self.ceiling, self.norm)

    def steer(self, step: int, scheduled: float) -> Values:  # noqa: ARG002 - the same at every step
        """Return min(sched, limit), and let the limit move on."""
        with np.errstate(divide="ignore"):  # without curvature there is no limit
            bound = self.stability / self.ceiling
        self.limit = np.where(
            np.isnan(self.limit), self.options.start * bound, np.fmin(bound, self.options.growth * self.limit)
        )
        return np.fmin(scheduled, self.limit)
