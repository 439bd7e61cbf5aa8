"""Search spaces: Hydra's sweeps become distributions, and a trial has the parameters that its configuration has."""

from __future__ import annotations

from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FixedTrial

from homotopy_bench.core.errors import InputError
from homotopy_bench.sweeps.studies.by_number import value_at, values_of
from homotopy_bench.sweeps.studies.space import Space, read_space
from tests.sweeps.studies import MIXED, lookup

SWEEPS = (
    ("interval(0.1,0.9)", FloatDistribution(0.1, 0.9)),
    ("interval(1,5)", FloatDistribution(1, 5)),
    ("tag(log,interval(1e-4,1e-2))", FloatDistribution(1e-4, 1e-2, log=True)),
    ("int(interval(1,5))", IntDistribution(1, 5)),
    ("tag(log,int(interval(1,64)))", IntDistribution(1, 64, log=True)),
    ("range(1,10,3)", IntDistribution(1, 7, step=3)),
    ("range(10,0,-4)", IntDistribution(2, 10, step=4)),
    ("range(0.0,1.0,0.25)", FloatDistribution(0.0, 0.75, step=0.25)),
    ("range(0,1.2,0.3)", FloatDistribution(0.0, 0.9, step=0.3)),
    ("range(0,1.1,0.1)", FloatDistribution(0.0, 1.0, step=0.1)),
    ("range(0.4,0,-0.1)", FloatDistribution(0.1, 0.4, step=0.1)),
    ("a,b,null", CategoricalDistribution(["a", "b", "null"])),
    ("shuffle(choice(1,2))", CategoricalDistribution(["1", "2"])),
    ("sort(c,a,b)", CategoricalDistribution(["a", "b", "c"])),
    ("[1,2],[3]", CategoricalDistribution(["[1,2]", "[3]"])),
    ("true,false", CategoricalDistribution(["True", "False"])),
)


@pytest.mark.parametrize(("written", "expected"), SWEEPS, ids=[written for written, _ in SWEEPS])
def test_a_sweep_means_the_same_in_a_file_and_on_the_command_line(written: str, expected: Any) -> None:
    for space in (read_space({"x": written}, []), read_space({}, [f"x={written}"])):
        assert [one.distribution for one in space.parameters] == [expected]
        assert space.fixed == ()


def test_the_command_line_comes_first() -> None:
    params = {"x": "interval(0,1)", "y": "range(5)", "z": 3}
    space = read_space(params, ["x=choice(1,2)", "y=4", "+w=5"])
    assert [one.key for one in space.parameters] == ["x"]
    assert space.parameters[0].distribution == CategoricalDistribution(["1", "2"])
    assert sorted(space.fixed) == ["+w=5", "y=4", "z=3"]


def test_a_key_of_both_keeps_its_place_and_its_condition_and_others_come_first() -> None:
    space = read_space(MIXED, ["method.anchor=interval(3,4)", "training.epochs=2,4", "method=hta,other"])
    assert [one.key for one in space.parameters] == ["training.epochs", "method", "optimizer.lr", "method.anchor"]
    anchor = space.parameters[-1]
    assert (anchor.distribution, str(anchor.condition)) == (FloatDistribution(3, 4), "method=hta")
    conditional = read_space({"a": {"values": "1,2", "when": "method=hta"}}, ["method=hta,baseline"])
    assert len(conditional.examples(lookup)) == 3


def sampled(space: Space, **values: Any) -> list[str]:
    trial: Any = FixedTrial({"optimizer.lr": 1e-3, "method.anchor": 1.0, "b": "7", **values})
    return space.walk(trial, lookup)


def test_a_condition_decides_whether_a_parameter_is_sampled() -> None:
    space = read_space(MIXED, [])
    assert sampled(space, method="hta") == ["method=hta", "optimizer.lr=0.001", "method.anchor=1.0"]
    assert sampled(space, method="baseline") == ["method=baseline", "optimizer.lr=0.001"]
    params = {"a": "choice(x,y,z)", "b": {"values": 7, "when": "a=x,y"}}
    assert [len(sampled(read_space(params, []), a=choice)) for choice in "xyz"] == [2, 2, 1]


def test_the_examples_reach_every_choice_and_both_ends() -> None:
    params = {
        "method": "choice(hta,baseline,other)",
        "method.anchor": {"values": "interval(1,2)", "when": "method=hta"},
    }
    trials = read_space({**params, "lr": "tag(log,interval(3,9))"}, ["a=b"]).examples(lookup)
    assert all(trial[0] == "a=b" for trial in trials)
    seen = {override for trial in trials for override in trial}
    assert {"method=hta", "method=baseline", "method=other", "lr=3.0", "lr=9.0"} <= seen
    assert {"method.anchor=1.0", "method.anchor=2.0"} <= seen


def test_the_examples_reach_the_edges_of_conditions_within_conditions() -> None:
    params = {
        "a": "choice(x,y)",
        "b": {"values": "choice(1,2,3,4)", "when": "a=y"},
        "c": {"values": "choice(5,6,7)", "when": "b=3"},
    }
    trials = read_space(params, []).examples(lambda given, key: lookup([f"{key}=none", *given], key))
    edges = {"a=x", "a=y", "b=1", "b=2", "b=3", "b=4", "c=5", "c=6", "c=7"}
    assert {override for trial in trials for override in trial} == edges
    assert len({tuple(trial) for trial in trials}) == len(trials)


WRONG: tuple[tuple[dict[str, Any], list[str], str], ...] = (
    ({}, ["x=1"], "hydra.sweeper.params={}: nothing to search"),
    ({"x": "interval(2,1)"}, [], "x=interval(2,1): "),
    ({"x": "tag(log,interval(0,1))"}, [], "x=tag(log,interval(0,1)): "),
    ({"x": "tag(fast,interval(0,1))"}, [], "x=tag(fast,interval(0,1)): accepted: no tag but log"),
    ({"x": "tag(log,choice(1,2))"}, [], "x=tag(log,choice(1,2)): accepted: the tag log on an interval"),
    ({"x": "choice(1,1)"}, [], "x=choice(1,1): accepted: at least one choice, each of them once"),
    ({"x": "range(3,3)"}, [], "x=range(3,3): an empty range"),
    ({"x": "interval(1"}, [], "hydra.sweeper.params.x=interval(1: accepted: choice(a,b)"),
    ({"x": {"when": "a=b"}}, [], "hydra.sweeper.params.x={'when': 'a=b'}: accepted: a sweep, or a mapping"),
    ({"x": {"values": "1,2", "when": "a"}}, [], "hydra.sweeper.params.x.when=a: accepted: KEY=VALUE"),
    ({}, ["seed=range(5)"], "seed=a sweep: a seed is not searched"),
)


@pytest.mark.parametrize(("params", "arguments", "says"), WRONG, ids=[says for _, _, says in WRONG])
def test_a_wrong_space_is_one_line(params: Any, arguments: list[str], says: str) -> None:
    with pytest.raises(InputError) as caught:
        read_space(params, arguments)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("written", [written for written, _ in SWEEPS])
def test_quantiles_cover_a_distribution_evenly(written: str) -> None:
    distribution = read_space({"x": written}, []).parameters[0].distribution
    count = 2000
    values = [value_at(distribution, (index + 0.5) / count) for index in range(count)]
    assert all(distribution._contains(distribution.to_internal_repr(value)) for value in values)
    if getattr(distribution, "log", False):
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        middle = (distribution.low * distribution.high) ** 0.5
        below = sum(value < middle for value in values) / count
        assert abs(below - 0.5) < 0.1  # integers are coarse at the lower end
    elif finite := values_of(distribution):
        shares = [values.count(value) / count for value in finite]
        assert max(shares) - min(shares) < 2 / count * len(finite)
    else:
        assert isinstance(distribution, FloatDistribution)
        assert abs(sum(values) / count - (distribution.low + distribution.high) / 2) < 1e-3
