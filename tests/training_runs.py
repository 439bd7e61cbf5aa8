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
from tests.cases import CASES, mixture, need_data
from tests.composing import compose

STEPS = 50
"""Steps of the training that everything is tried on."""

OPTIMIZERS: dict[str, list[tuple[str, ...]]] = {
    "sgd": [
        ("optimizer.lr=0.05", "optimizer.momentum=0.0"),
        ("optimizer.lr=0.02", "optimizer.momentum=0.9", "optimizer.weight_decay=0.01"),
        ("optimizer.lr=0.01", "optimizer.momentum=0.8", "optimizer.nesterov=true"),
    ],
    "adam": [
        ("optimizer.lr=1e-3",),
        ("optimizer.lr=3e-3", "optimizer.beta1=0.8", "optimizer.weight_decay=0.01"),
        ("optimizer.lr=2e-3", "optimizer.beta2=0.9", "optimizer.eps=1e-4"),
    ],
    "adamw": [
        ("optimizer.lr=1e-3",),
        ("optimizer.lr=3e-3", "optimizer.beta1=0.8", "optimizer.weight_decay=0.5"),
        ("optimizer.lr=2e-3", "optimizer.beta2=0.9", "optimizer.eps=1e-4"),
    ],
}
"""Update rules, each with the hyper-parameters of three members."""

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
    return Trainer(composed, splits_of(composed[0]))


def splits_of(config: Config) -> Splits:
    """Return the data of a configuration; a test whose data are not there is skipped."""
    need_data(config.dataset.name, config.paths.data_root())
    return _splits(config.dataset, config.paths.data_root())


def trained(*members: Member, steps: int) -> Trainer:
    """Return an ensemble of the given members after some steps."""
    training = begin(*members)
    for _ in range(steps):
        training.advance()
    return training


def mixed_members(case: str, optimizer: str, *changes: str) -> list[Config]:
    """Four members that differ in every key that can be a member's own."""
    rates = [*OPTIMIZERS[optimizer], OPTIMIZERS[optimizer][1]]
    return [varied(CASES[case], (*own, *changes)) for own in mixture(case, optimizer, rates)]


def effort(case: str) -> tuple[list[str], int]:
    """Update rules and steps: everything for one model, and for the others one rule each, in turn, and fewer steps."""
    names = [name for name in OPTIMIZERS if name != "adam" or not case.startswith("decay-centre/")]
    if "/mlp-orthogonal/" in case:
        return names, STEPS
    if case.startswith("convexity") and "/mlp-batchnorm/" in case:
        # Linear activations between normalisations: shifts have gradient 0, whose rounding Adam would magnify.
        return ["sgd"], 15
    if "/transformer/" in case or "/vit/" in case:
        # Softmax cancels what a bias adds to all keys: its gradient is 0 as well.
        return ["sgd"], 12
    return [names[list(CASES).index(case) % len(names)]], 15 if case.endswith("/mnist1d") else 5
