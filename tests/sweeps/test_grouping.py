"""Grouping never loses, swaps or duplicates a job, and a group can be trained as one ensemble."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homotopy_bench import compose
from homotopy_bench.config import Config
from homotopy_bench.sweeps.grouping import groups, program, split

OF_A_MEMBER = (
    (),
    ("seed=3",),
    ("optimizer.lr=1e-3",),
    ("optimizer.weight_decay=0.01",),
    ("lr_schedule=constant",),
    ("training.clip_norm=null",),
    ("training.l2=1e-4", "training.l1=1e-5"),
    ("training.label_smoothing=0.1",),
    ("paths.outputs=elsewhere",),
)
"""What members of one ensemble may differ in."""

OF_A_PROGRAM = (
    (),
    ("model.depth=3",),
    ("model=cnn",),
    ("dataset.samples=600",),
    ("training.batch_size=64",),
    ("training.epochs=7",),
    ("training.eval_every=2",),
    ("hardware.dtype=float64",),
    ("optimizer=sgd",),
    ("method=convexity_annealing",),
    ("method=hta", "continuation=linear", "optimizer=adamw"),
    ("continuation=adaptive",),
    ("paths.data=elsewhere",),
)
"""What makes another program."""

JOBS: list[tuple[int, Config]] = [
    (number, compose(*choice, *own)) for number, choice in enumerate(OF_A_PROGRAM) for own in OF_A_MEMBER[:5]
]
"""Jobs with the number of their program, to draw from."""


@given(st.lists(st.tuples(st.sampled_from(JOBS), st.integers(0, 2)), max_size=40), st.integers(1, 9))
@settings(max_examples=200, deadline=None)
def test_every_job_is_in_one_group_with_its_like(drawn: list[tuple[tuple[int, Config], int]], largest: int) -> None:
    kinds = [(kind, step) for (kind, _), step in drawn]
    found = groups([config for (_, config), _ in drawn], [step for _, step in drawn])
    assert sorted(index for group in found for index in group) == list(range(len(drawn)))
    assert all(group == sorted(group) for group in found)
    assert [group[0] for group in found] == sorted(group[0] for group in found)
    assert len({kinds[group[0]] for group in found}) == len(found)
    assert all(kinds[index] == kinds[group[0]] for group in found for index in group)
    for group in found:
        parts = split(group, largest)
        assert [index for part in parts for index in part] == group
        assert max(map(len, parts)) <= largest
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
        assert len(parts) == -(-len(group) // largest)


@pytest.mark.parametrize("own", OF_A_MEMBER[1:], ids=" ".join)
def test_numbers_of_a_member_do_not_part_it_from_the_others(own: Sequence[str]) -> None:
    assert program(compose(*own)) == program(compose())


def test_what_differs_otherwise_is_another_program() -> None:
    assert len({program(compose(*choice)) for choice in OF_A_PROGRAM}) == len(OF_A_PROGRAM)
