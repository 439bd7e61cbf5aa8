"""Lower the rate, the published form: it falls where kappa exceeds its target."""

from __future__ import annotations

from math import isnan, nan

import numpy as np

from homotopy_bench.curvature.control.base import Rule, Values
from homotopy_bench.optim.lr_schedules.curvature import Curvature


class Kappa(Rule):
    """eta = sched/(1 + alpha max(0, kappa/target - 1)) with kappa = m/|g|^2 and m a running mean of |H|.

    m <- s m + (1 - s) |H| at every estimate, s = ``smoothing``; kappa holds between estimates. The target is given, or
    it is the 75th percentile (``percentile``) of kappa over the first ``dense_steps`` steps, during which eta = sched.
    kappa grows as |g| falls, so that the rate falls towards a minimum; it does not rise from a small value, as a
    warm-up would.

    The rule and its numbers are the published ones (github.com/thehalleyyoung/TorchType, proposal7, homotopy_lr.cpp:
    alpha = 1, ema_decay = 0.9, target_percentile = 0.75, warmup_steps = 100). That code differs in that its target
    moves, the percentile of the last 1000 values of kappa, and is 10^4 before there are as many as ``warmup_steps``;
    that it divides by the |g|^2 of every step, by |H| itself at an estimate and by m between; and that it bounds eta.
    """

    remembered = (*Rule.remembered, "mean", "target", "seen")

    def __init__(self, options: Curvature, stability: float, blocks: int) -> None:
        super().__init__(options, stability, blocks)
        self.mean: Values = [nan] * blocks
        self.target: Values = [nan if options.target is None else options.target] * blocks
        self.seen: list[Values] = []

    def learn(self, step: int, square: Values) -> None:
        """Update the running mean, and within the warm-up what the target will be taken from."""
        s = self.options.smoothing
        self.mean = [
            new if isnan(old) else s * old + (1.0 - s) * new for old, new in zip(self.mean, self.norm, strict=True)
        ]
        self.kappa = self.ratios(self.mean, square)
        # After the warm-up only where every estimate of it has failed.
        positive = any(kappa > 0.0 for kappa in self.kappa)  # nothing can be far above a target of 0
        if isnan(self.target[0]) and positive and (step < self.options.dense_steps or not self.seen):
            self.seen.append(self.kappa)

    def steer(self, step: int, scheduled: float) -> Values:
        """Return the rates; the target is fixed at the first step after the warm-up."""
        if isnan(self.target[0]) and step >= self.options.dense_steps and self.seen:
            self.target = np.quantile(self.seen, self.options.percentile, axis=0).tolist()
            self.seen = []
        if isnan(self.target[0]):
            return [scheduled] * len(self.norm)
        return [self._rate(scheduled, *pair) for pair in zip(self.kappa, self.target, strict=True)]

    def _rate(self, scheduled: float, kappa: float, target: float) -> float:
        if not kappa > target > 0.0:
            return scheduled
        return scheduled / (1.0 + self.options.alpha * (kappa / target - 1.0))
