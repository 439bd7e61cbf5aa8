"""Sample trials whose parameters are a function of the trial's number alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from homotopy_bench.sweeps.grid import as_written
from homotopy_bench.sweeps.studies.space import Parameter


class Sobol(RandomSampler):
    """Compute a scrambled Sobol sequence (Owen 1998, J. Complexity 14:466): its point k in [0, 1)^d for trial k.

    It covers a space more evenly than random points (Bergstra and Bengio 2012, JMLR 13:281, section 5), best where the
    number of trials is a power of two; a longer study begins with the points of a shorter one. Dimension j belongs to
    the j-th parameter, used or not.

    Args:
        parameters: The d parameters, in order.
        seed: Seed of the scrambling.
    """

    def __init__(self, parameters: Sequence[Parameter], seed: int) -> None:
        super().__init__()
        self._dimension = {parameter.key: index for index, parameter in enumerate(parameters)}
        self._seed = seed
        self._points = np.empty((0, len(parameters)))

    def sample_independent(self, _: Study, trial: FrozenTrial, key: str, distribution: BaseDistribution) -> Any:
        """Return the quantile of a parameter's distribution at the coordinate of the trial's point."""
        if trial.number >= len(self._points):
            from scipy.stats import qmc

            sequence = qmc.Sobol(len(self._dimension), scramble=True, rng=np.random.default_rng(self._seed))
            self._points = sequence.random_base2(max(trial.number.bit_length(), 5))
        return value_at(distribution, float(self._points[trial.number, self._dimension[key]]))


class Grid(RandomSampler):
    """Every combination once; the last parameter varies fastest, as in Hydra's own multiruns.

    Args:
        parameters: The parameters, in order; each has finitely many values.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        super().__init__()
        self._stride: dict[str, int] = {}
        self.size = 1
        for parameter in reversed(parameters):
            self._stride[parameter.key] = self.size
            self.size *= len(values_of(parameter.distribution))

    def sample_independent(self, _: Study, trial: FrozenTrial, key: str, distribution: BaseDistribution) -> Any:
        """Return the value of a parameter in the combination of a trial."""
        values = values_of(distribution)
        return values[trial.number // self._stride[key] % len(values)]


def values_of(distribution: BaseDistribution) -> Sequence[Any]:
    """Return all values of a distribution; none where there are infinitely many.

    Example:
        >>> list(values_of(IntDistribution(2, 8, step=3)))
        [2, 5, 8]
    """
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return range(distribution.low, distribution.high + 1, distribution.step)
    assert isinstance(distribution, FloatDistribution)
    if distribution.step is None:
        return []
    count = round((distribution.high - distribution.low) / distribution.step) + 1
    low, step = as_written(distribution.low), as_written(distribution.step)
    return [float(low + index * step) for index in range(count)]


def value_at(distribution: BaseDistribution, u: float) -> Any:
    """Return the quantile u in [0, 1) of a distribution.

    Example:
        >>> value_at(CategoricalDistribution(["a", "b"]), 0.6)
        'b'
        >>> round(value_at(FloatDistribution(1e-4, 1e-2, log=True), 0.5), 12)
        0.001
    """
    values = values_of(distribution) if not getattr(distribution, "log", False) else []
    if values:
        return values[int(u * len(values))]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = float(distribution.low), float(distribution.high)
    if isinstance(distribution, IntDistribution):  # each integer owns half a step to both sides
        low, high = low - 0.5, high + 0.5
    value = float(np.exp(log(low) + u * (log(high) - log(low)))) if distribution.log else low + u * (high - low)
    value = min(max(value, distribution.low), distribution.high)
    return round(value) if isinstance(distribution, IntDistribution) else value
