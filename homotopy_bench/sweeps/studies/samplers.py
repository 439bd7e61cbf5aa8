"""Choose the parameters of every trial.

A new sampler is made for every trial, seeded by the study's seed and the trial's number: the parameters of trial k
depend on these two and on the trials before it, not on how often the command was started or which worker asks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, RandomSampler, TPESampler

from homotopy_bench.core.errors import InputError
from homotopy_bench.sweeps.studies.by_number import Grid, Sobol, values_of
from homotopy_bench.sweeps.studies.options import StudyOptions
from homotopy_bench.sweeps.studies.space import Space

ForTrial = Callable[[int], BaseSampler]
"""Number of a trial -> its sampler."""


LEARNING = ("tpe", "gp", "cmaes")
"""Samplers that learn from the trials before, once there are ``startup_trials`` of them."""


def samplers(options: StudyOptions, space: Space) -> tuple[ForTrial, int]:
    """Return the sampler of every trial, and their total: ``n_trials``, or the size of a grid where that is smaller.

    ``qmc``, ``random`` and ``grid`` do not learn. ``tpe`` is the tree-structured Parzen estimator (Bergstra et al.
    2011, NeurIPS) over all parameters jointly, ``gp`` expected improvement on a Gaussian process, ``cmaes`` the
    covariance matrix adaptation of Hansen (2016, arXiv:1604.00772); they begin with ``startup_trials`` points of
    ``qmc``.

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

    def sampler(number: int) -> BaseSampler:
        if number < options.startup_trials and options.sampler != "random":
            return sobol
        return _learning(options, int(np.random.SeedSequence([options.seed, number]).generate_state(1)[0]))

    return sampler, options.n_trials


def _learning(options: StudyOptions, seed: int) -> BaseSampler:
    """Return the sampler for a seed."""
    if options.sampler == "random":
        return RandomSampler(seed=seed)
    shared: Any = {"seed": seed, "n_startup_trials": options.startup_trials, "warn_independent_sampling": False}
    with warnings.catch_warnings(action="ignore"):  # Optuna marks some of these arguments as experimental
        if options.sampler == "gp":
            return GPSampler(**shared)
        if options.sampler == "cmaes":
            return CmaEsSampler(**shared)
        # Parameters with conditions fall into groups that are sampled jointly; trials of a batch repel each other.
        return TPESampler(**shared, multivariate=True, group=True, constant_liar=True)


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
