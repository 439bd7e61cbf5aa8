"""Grouping never loses, swaps or duplicates a job, and every group can be trained as one ensemble."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from homotopy_bench.config.schema import Config
from homotopy_bench.runs.grouping import groups, split
from tests.composing import compose

OF_A_MEMBER = (
    (),
    ("seed=3",),
    ("optimizer.lr=1e-3", "training.clip_norm=null"),
    ("method=baseline",),
    ("method=convexity_annealing",),
)
"""What members of one ensemble may differ in, and three methods: two paths, and one without."""

OF_A_PROGRAM = (
    (),
    ("model.depth=3",),
    ("model=cnn",),
    ("dataset.samples=600",),
    ("training.batch_size=64",),
    ("training.epochs=7",),
    ("training.eval_every=2",),
    ("training.checkpoint_every=2",),
    ("hardware.dtype=float64",),
    ("optimizer=sgd",),
    ("paths.data=elsewhere",),
)
"""What makes another program."""

JOBS = [(number, (*own, *choice)) for number, choice in enumerate(OF_A_PROGRAM) for own in OF_A_MEMBER]
"""Overrides of jobs with the number of their program, to draw from."""

Drawn = list[tuple[tuple[int, tuple[str, ...]], int]]


@cache
def composed(overrides: tuple[str, ...]) -> Config:
    return compose(*overrides)


@given(st.lists(st.tuples(st.sampled_from(JOBS), st.integers(0, 2)), max_size=40), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_every_job_is_in_one_group_with_its_like(drawn: Drawn, largest: int) -> None:
    configs, kinds = (
        [composed(overrides) for (_, overrides), _ in drawn],
        [(number, step) for (number, _), step in drawn],
    )
    found = groups(configs, [step for _, step in drawn])
    assert sorted(index for group in found for index in group) == list(range(len(drawn)))
    assert all(group == sorted(group) for group in found)
    assert [group[0] for group in found] == sorted(group[0] for group in found)
    programs = [config.program() for config in configs]
    paths: dict[tuple[int, int], set[str]] = defaultdict(set)
    for kind, config in zip(kinds, configs, strict=True):
        paths[kind] |= {config.method.name} - {"baseline"}
    assert len(found) == sum(max(len(names), 1) for names in paths.values()), "no more groups than paths"
    for group in found:
        assert len({kinds[index] for index in group}) == 1
        assert all(programs[a].differs_from(programs[b]) == [] for a, b in combinations(group, 2))
        parts = split(group, largest)
        assert [index for part in parts for index in part] == group
        assert max(map(len, parts)) <= largest
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
        assert len(parts) == -(-len(group) // largest)
