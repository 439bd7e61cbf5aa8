"""The published form: the rate falls where kappa exceeds its target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from homotopy_bench.optim.control.base import Rule, Values

if TYPE_CHECKING:
    from homotopy_bench.optim.lr_schedules.curvature import Curvature


class Kappa(Rule):
    """eta = sched/(1 + alpha max(0, kappa/target - 1)) with kappa = m/|g|^2 and m a running mean of |H|.

    m <- s m + (1 - s) |H| at every estimate, s = ``smoothing``. The target is given, or it is the 75th percentile
    (``percentile``) of kappa over the first ``dense_steps`` steps, during which eta = sched
    (github.com/thehalleyyoung/TorchType, proposal7, homotopy_lr.cpp: base_lr, alpha = 1, ema_decay = 0.9,
    target_percentile = 0.75 over warmup_steps = 100). kappa grows as |g| falls, so that the rate falls towards a
    minimum; it does not rise from a small value, as a warm-up would.
    """

    remembered = (*Rule.remembered, "mean", "target", "seen")

    def __init__(self, options: Curvature, stability: float, blocks: int) -> None:
        super().__init__(options, stability, blocks)
        self.mean: Values = np.full(blocks, np.nan)
        self.target: Values = np.full(blocks, np.nan if options.target is None else options.target)
        self.seen: Values = np.empty((0, blocks))

    def learn(self, step: int, square: Values) -> None:
        """Update the running mean, and within the warm-up what the target will be taken from."""
        s = self.options.smoothing
        self.mean = np.where(np.isnan(self.mean), self.norm, s * self.mean + (1.0 - s) * self.norm)
        self.kappa = self.mean / square
        if np.isnan(self.target).any() and step < self.options.dense_steps:
            self.seen = np.vstack([self.seen, self.kappa])

    def steer(self, step: int, scheduled: float) -> Values:
        """Return the rates; the target is fixed at the first step after the warm-up."""
        if np.isnan(self.target).any() and step >= self.options.dense_steps and len(self.seen):
            self.target = np.quantile(self.seen, self.options.percentile, axis=0)
            self.seen = self.seen[:0]
        if np.isnan(self.target).any():
            return np.full_like(self.norm, scheduled)
        with np.errstate(divide="ignore", invalid="ignore"):
            excess = np.where(self.target > 0.0, self.kappa / self.target - 1.0, 0.0)
        return scheduled / (1.0 + self.options.alpha * np.fmax(0.0, excess))
