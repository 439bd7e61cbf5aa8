"""Who chooses the parameters of a trial.

A new sampler is made for every trial, seeded by the study's seed and the trial's number: what trial k gets depends on
those two and on the trials before it, and not on how often the command was started or which worker asks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, RandomSampler, TPESampler

from homotopy_bench.core.errors import InputError
from homotopy_bench.sweeps.studies.by_number import Grid, Sobol, values_of
from homotopy_bench.sweeps.studies.options import StudyOptions
from homotopy_bench.sweeps.studies.space import Space

ForTrial = Callable[[int], BaseSampler]
"""Number of a trial -> its sampler."""


def samplers(options: StudyOptions, space: Space) -> tuple[ForTrial, int]:
    """Return the sampler of every trial, and how many trials there are.

    ``qmc``, ``random`` and ``grid`` do not learn. ``tpe`` is the tree-structured Parzen estimator (Bergstra et al.
    2011, NeurIPS) over all parameters jointly, ``gp`` expected improvement on a Gaussian process, ``cmaes`` the
    covariance matrix adaptation of Hansen (2016, arXiv:1604.00772); they begin with ``startup_trials`` points of
    ``qmc``.

    Args:
        options: The study.
        space: What it searches.

    Returns:
        The samplers, and the total of trials: ``n_trials``, or the size of a grid where that is smaller.

    Raises:
        InputError: If the sampler cannot search this space, or lacks its package.
    """
    sobol = Sobol(space.parameters, options.seed)
    if options.sampler == "grid":
        grid = _grid(space)
        return (lambda _: grid), min(options.n_trials, grid.size)
    if options.sampler == "qmc":
        return (lambda _: sobol), options.n_trials
    if options.sampler == "cmaes":
        _check_cmaes(options, space)
    learning = _learning(options, options.startup_trials)

    def sampler(number: int) -> BaseSampler:
        if number < options.startup_trials and options.sampler != "random":
            return sobol
        return learning(int(np.random.SeedSequence([options.seed, number]).generate_state(1)[0]))

    return sampler, options.n_trials


def _learning(options: StudyOptions, startup: int) -> Callable[[int], BaseSampler]:
    """Return the sampler for a seed."""

    def sampler(seed: int) -> BaseSampler:
        with warnings.catch_warnings(action="ignore"):  # Optuna marks some of these arguments as experimental
            if options.sampler == "random":
                return RandomSampler(seed=seed)
            if options.sampler == "gp":
                return GPSampler(seed=seed, n_startup_trials=startup, warn_independent_sampling=False)
            if options.sampler == "cmaes":
                return CmaEsSampler(seed=seed, n_startup_trials=startup, warn_independent_sampling=False)
            return TPESampler(
                seed=seed,
                n_startup_trials=startup,
                multivariate=True,
                group=True,  # parameters with conditions fall into groups that are sampled jointly
                constant_liar=True,  # the trials of a batch keep away from each other
                warn_independent_sampling=False,
            )

    return sampler


def _grid(space: Space) -> Grid:
    for parameter in space.parameters:
        if parameter.condition is not None:
            accepted = f"{parameter.key} has a condition, which leaves holes in a grid; accepted: tpe, random, qmc"
            raise InputError("hydra.sweeper.sampler", "grid", accepted)
        if not values_of(parameter.distribution):
            accepted = f"{parameter.key} has infinitely many values; accepted: choice(...) or range(...) for it, or tpe"
            raise InputError("hydra.sweeper.sampler", "grid", accepted)
    return Grid(space.parameters)


def _check_cmaes(options: StudyOptions, space: Space) -> None:
    if len(options.objectives) > 1:
        raise InputError("hydra.sweeper.sampler", "cmaes", "it takes one objective; accepted: tpe, gp, qmc, random")
    for parameter in space.parameters:
        if parameter.condition is not None or isinstance(parameter.distribution, CategoricalDistribution):
            accepted = f"{parameter.key} is a choice or has a condition; accepted: numbers for all, or tpe"
            raise InputError("hydra.sweeper.sampler", "cmaes", accepted)
    try:
        import cmaes  # noqa: F401
    except ImportError:
        hint = "its package is not installed; pip install 'homotopy-bench[cmaes]'"
        raise InputError("hydra.sweeper.sampler", "cmaes", hint) from None
