"""Prune trials by their validation accuracy at t = 1."""

from __future__ import annotations

import warnings
from math import ceil

from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner, WilcoxonPruner

from homotopy_bench.sweeps.studies.options import StudyOptions


def first_epoch(epochs: int) -> int:
    """Return the first epoch at which a trial may be pruned: after a tenth of its training."""
    return max(ceil(0.1 * epochs), 1)


def pruner(options: StudyOptions, epochs: int) -> BasePruner:
    """Return Optuna's pruner; its steps are epochs, and it knows evaluations with t = 1 only.

    ``median`` ends a trial whose best accuracy so far is below the median of the others' at this epoch (Golovin et al.
    2017); ``successive_halving`` keeps a third at 1/27, 1/9, 1/3 of the epochs (Li et al. 2020, arXiv:1810.05934);
    ``hyperband`` does so with several beginnings (Li et al. 2018, arXiv:1603.06560); ``wilcoxon`` ends a trial that
    is below the best one over its epochs by a signed-rank test. A trial that arrives late at t = 1 meets the others
    where they were at the same epoch or earlier, never later.
    """
    first = first_epoch(epochs)
    if options.pruner == "median":
        return MedianPruner(n_startup_trials=5, n_warmup_steps=first, n_min_trials=3)
    if options.pruner == "successive_halving":
        return SuccessiveHalvingPruner(min_resource=max(epochs // 27, 1), reduction_factor=3)
    if options.pruner == "hyperband":
        return HyperbandPruner(min_resource=max(epochs // 27, 1), max_resource=epochs, reduction_factor=3)
    if options.pruner == "wilcoxon":
        with warnings.catch_warnings(action="ignore"):  # Optuna marks it as experimental
            return WilcoxonPruner(p_threshold=0.1, n_startup_steps=first)
    return NopPruner()
