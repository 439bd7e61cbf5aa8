"""Read the search space: the parameters, their order, and their conditions.

A parameter is a key of the configuration with a sweep in Hydra's grammar, from ``hydra.sweeper.params`` or from the
command line. A key of both has the sweep of the command line, and place and condition of the other; further keys of
the command line stand before all others. A parameter with a condition is sampled only in trials whose configuration
meets it, so that a trial has exactly the parameters that its configuration has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep, Sweep
from hydra.errors import HydraException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.distributions import distribution_to_json as as_json
from optuna.trial import BaseTrial, FixedTrial

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.numerals import is_number
from homotopy_bench.sweeps.grid import as_written, range_size

GRAMMAR = "choice(a,b), range(1,9), interval(0.1,0.9), tag(log,interval(1e-4,1e-2)), int(interval(1,64))"

Value = str | float | int


@dataclass(frozen=True)
class Condition:
    """Holds where the configuration has one of the values at a key; the key may be a group."""

    key: str
    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: object, parameter: str) -> Condition:
        """Return the condition that ``KEY=VALUE`` or ``KEY=VALUE,VALUE`` states for the parameter of a key.

        Raises:
            InputError: If the text is something else.
        """
        key, _, values = str(text).partition("=")
        if not (key and all(values.split(","))):
            accepted = "accepted: KEY=VALUE or KEY=VALUE,VALUE, such as continuation=linear,cosine"
            raise InputError(f"hydra.sweeper.params.{parameter}.when", text, accepted)
        return cls(key.strip(), tuple(value.strip() for value in values.split(",")))

    def holds(self, written: str) -> bool:
        """Return whether this value, as it is written on the command line, is one of the condition's.

        Example:
            >>> condition = Condition.parse("optimizer.lr=1e-3,2", "training.epochs")
            >>> [condition.holds(one) for one in ("0.001", "2", "0.01")]
            [True, True, False]
        """
        if is_number(written):  # which can be written in many ways
            return any(is_number(one) and float(one) == float(written) for one in self.values)
        return written in self.values

    def __str__(self) -> str:
        return f"{self.key}={','.join(self.values)}"


@dataclass(frozen=True)
class Parameter:
    """Describe a key that is searched."""

    key: str
    distribution: BaseDistribution
    condition: Condition | None = None

    def suggest(self, trial: BaseTrial) -> Value:
        """Return the value that a trial gets."""
        one = self.distribution
        if isinstance(one, CategoricalDistribution):
            return str(trial.suggest_categorical(self.key, one.choices))
        assert isinstance(one, FloatDistribution | IntDistribution)
        suggest: Any = trial.suggest_int if isinstance(one, IntDistribution) else trial.suggest_float
        value: Value = suggest(self.key, one.low, one.high, step=one.step, log=one.log)
        return value

    @property
    def edges(self) -> int:
        """Number of the values at the edge."""
        one = self.distribution
        return len(one.choices) if isinstance(one, CategoricalDistribution) else 2

    def example(self, index: int) -> Value:
        """Return one of the values at the edge: the ends of an interval in turn, the choices one after the other."""
        one = self.distribution
        if isinstance(one, CategoricalDistribution):
            return str(one.choices[index % len(one.choices)])
        assert isinstance(one, FloatDistribution | IntDistribution)
        return one.low if index % 2 == 0 else one.high


Lookup = Callable[[Sequence[str], str], str]
"""(overrides of a trial so far, key) -> what its configuration has there, as written on the command line."""


@dataclass(frozen=True)
class Space:
    """Define the search space of a study.

    Attributes:
        fixed: Overrides that all trials share.
        parameters: The parameters in the order of sampling; a condition depends on earlier ones only.
    """

    fixed: tuple[str, ...]
    parameters: tuple[Parameter, ...]

    def walk(self, trial: BaseTrial, lookup: Lookup) -> list[str]:
        """Return the overrides of one trial, whose parameters are sampled on the way."""
        overrides = list(self.fixed)
        for parameter in self.parameters:
            condition = parameter.condition
            if condition is None or condition.holds(lookup(overrides, condition.key)):
                overrides.append(f"{parameter.key}={parameter.suggest(trial)}")
        return overrides

    def examples(self, lookup: Lookup) -> list[list[str]]:
        """Return trials at the edges of the space, in which every choice and every end occurs.

        A condition may hold in few of them: its parameter then takes all its edges in the first in which it holds.
        """
        count = max(one.edges for one in self.parameters)
        edges = [{one.key: one.example(index) for one in self.parameters} for index in range(count)]
        for one in (one for one in self.parameters if one.condition is not None):
            first = next((edge for edge in edges if one.key in self._sampled(edge, lookup)), None)
            if first is not None:
                edges += [{**first, one.key: one.example(index)} for index in range(one.edges)]
        trials = (tuple(self.walk(FixedTrial(edge), lookup)) for edge in edges)
        return [list(trial) for trial in dict.fromkeys(trials)]

    def _sampled(self, edge: Mapping[str, Value], lookup: Lookup) -> Mapping[str, Any]:
        """Return the parameters that a trial with these values has."""
        trial = FixedTrial(dict(edge))
        self.walk(trial, lookup)
        return trial.params

    def describe(self) -> dict[str, str]:
        """Return a text for every parameter, by which a study recognises its space."""
        return {
            one.key: as_json(one.distribution) + (f" when {one.condition}" if one.condition else "")
            for one in self.parameters
        }


def read_space(params: Mapping[str, Any], arguments: Sequence[str], loader: ConfigLoader | None = None) -> Space:
    """Return the space of ``hydra.sweeper.params`` and of a command line.

    Args:
        params: Key -> a sweep, one value, or a mapping with ``values`` (either of them) and ``when`` (a condition).
        arguments: Overrides; those with a sweep are searched, the others fixed.
        loader: Knows the choices of a group, which glob(...) needs.

    Raises:
        InputError: If a sweep cannot be read or has nothing to choose from, or nothing is searched at all.
    """
    fixed: list[str] = []
    parser = OverridesParser.create(config_loader=loader)
    given = {one.get_key_element().lstrip("+"): one for one in parser.parse_overrides(list(arguments))}
    swept = {
        key: Parameter(one.get_key_element(), _distribution(one, (one.input_line or "").partition("=")[2]))
        for key, one in given.items()
        if one.is_sweep_override()
    }
    parameters = {key: one for key, one in swept.items() if key not in params}  # first: conditions may refer to them
    for key, written in params.items():
        if key in given and key not in swept:
            continue
        values, condition = written, None
        if isinstance(written, Mapping):
            if set(written) - {"values", "when"} or "values" not in written:
                accepted = "accepted: a sweep, or a mapping with values and when"
                raise InputError(f"hydra.sweeper.params.{key}", dict(written), accepted)
            values = written["values"]
            condition = Condition.parse(written["when"], key) if "when" in written else None
        if key in swept:
            parameters[key] = replace(swept[key], condition=condition)
            continue
        override = _parse(parser, key, values)
        if not override.is_sweep_override() and condition is None:
            fixed.append(f"{override.get_key_element()}={override.get_value_element_as_str()}")
        else:
            parameters[key] = Parameter(override.get_key_element(), _distribution(override, str(values)), condition)
    fixed += [one.input_line or "" for key, one in given.items() if key not in swept]
    if "seed" in parameters:
        accepted = "a seed is not searched; hydra.sweeper.training_seed=... is that of all trials"
        raise InputError("seed", "a sweep", accepted)
    if not parameters:
        accepted = f"nothing to search; accepted: sweep=NAME or KEY=SWEEP with one of {GRAMMAR}"
        raise InputError("hydra.sweeper.params", "{}", accepted)
    return Space(tuple(fixed), tuple(parameters.values()))


def _parse(parser: OverridesParser, key: str, values: object) -> Override:
    text = "null" if values is None else str(values).lower() if isinstance(values, bool) else str(values)
    try:
        return parser.parse_override(f"{key}={text}")
    except HydraException:
        raise InputError(f"hydra.sweeper.params.{key}", values, f"accepted: {GRAMMAR}") from None


def _distribution(override: Override, written: str) -> BaseDistribution:
    # What Optuna samples; a choice is kept as it is written in an override.
    key, sweep = override.get_key_element(), override.value()
    tags = set(sweep.tags) if isinstance(sweep, Sweep) else set()
    log = "log" in tags
    if tags - {"log"}:
        raise InputError(key, written, "accepted: no tag but log")
    try:
        if isinstance(sweep, IntervalSweep):
            assert sweep.start is not None
            assert sweep.end is not None
            if isinstance(sweep.start, int) and isinstance(sweep.end, int):
                return IntDistribution(sweep.start, sweep.end, log=log)
            return FloatDistribution(float(sweep.start), float(sweep.end), log=log)
        if isinstance(sweep, RangeSweep) and not log:
            return _range(sweep)
    except ValueError as error:
        raise InputError(key, written, f"{str(error).rstrip('.')}; accepted: {GRAMMAR}") from None
    if log:
        raise InputError(key, written, "accepted: the tag log on an interval")
    if isinstance(sweep, ChoiceSweep):  # not by Hydra's iterator, which shuffles anew each time where it is told to
        choices = [Override._get_value_element_as_str(one) for one in sweep.list]
    else:
        choices = list(override.sweep_string_iterator()) if override.is_sweep_override() else [written]
    if not choices or len(set(choices)) < len(choices):
        raise InputError(key, written, "accepted: at least one choice, each of them once")
    return CategoricalDistribution(choices)


def _range(sweep: RangeSweep) -> BaseDistribution:
    start, step = as_written(sweep.start or 0), as_written(sweep.step)
    ends = (start, start + (range_size(sweep) - 1) * step)  # adding up floats would miss the last
    low, high, step = min(ends), max(ends), abs(step)
    if all(isinstance(number, int) for number in (sweep.start, sweep.stop, sweep.step)):
        return IntDistribution(int(low), int(high), step=int(step))
    return FloatDistribution(float(low), float(high), step=float(step))
