"""Training in tests: a few steps of the real loop, without a record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from homotopy_bench.config.schema import Config
from homotopy_bench.config.validation import validate
from homotopy_bench.data.base import Dataset, Splits
from homotopy_bench.training.trainer import Trainer
from tests.cases import need_data
from tests.composing import compose

Member = Config | Sequence[str]
"""A configuration, or what it is composed from."""


def configs(*members: Member) -> list[Config]:
    """Compose one configuration per member."""
    return [one if isinstance(one, Config) else _composed(tuple(one)) for one in members]


def varied(base: Sequence[str], changes: Sequence[str]) -> Config:
    """Return a composed configuration with changes; a choice of a group comes with the defaults of its class.

    Composing everything anew would take much longer than the few steps of a test.

    Args:
        base: What it is composed from.
        changes: ``group=choice``, ``group.part=choice`` or ``group.key=value``, in order.
    """
    raw = _composed(tuple(base)).to_dict()
    for change in changes:
        key, _, written = change.partition("=")
        group, _, option = key.partition(".")
        try:
            value = json.loads(written)
        except ValueError:
            value = {"name": written} if option in ("", "base") else written
        if option:
            raw[group][option] = value
        else:
            raw[group] = value
    return validate(raw)


@cache
def _composed(overrides: tuple[str, ...]) -> Config:
    # Composing takes longer than the few steps of a test, and configurations do not change.
    return compose(*overrides)


@cache
def _splits(dataset: Dataset, root: Path) -> Splits:
    return dataset.load(root)


def begin(*members: Member) -> Trainer:
    """Return an ensemble of the given members before its first step; a test whose data are not there is skipped."""
    composed = configs(*members)
    dataset, root = composed[0].dataset, composed[0].paths.data_root()
    need_data(dataset.name, root)
    return Trainer(composed, _splits(dataset, root))


def trained(*members: Member, steps: int) -> Trainer:
    """Return an ensemble of the given members after some steps."""
    training = begin(*members)
    for _ in range(steps):
        training.advance()
    return training
