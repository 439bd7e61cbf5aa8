"""No training step waits for its device: a step of every method, model and optimiser runs where there are no values.

What looks at values on purpose is listed in ``LOOKS_ON_PURPOSE``, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from homotopy_bench.config.schema import Config
from homotopy_bench.data.base import Samples, Splits
from homotopy_bench.data.windows import Windows
from homotopy_bench.training.trainer import Trainer
from tests.cases import CASES, MIXTURES, MODELS, SMALL, STARTS, mixture
from tests.hardware.host_waits import META, HostWait, Meta, meta_runs, no_host_waits
from tests.training_runs import OPTIMIZERS, configs, effort, varied

__all__ = ["meta_runs"]

pytestmark = pytest.mark.usefixtures("meta_runs")

SHAPES = {"mnist1d": (40,), "mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
"""Inputs of the data sets; their values do not matter, and the images need not be at hand."""

LOOKS_ON_PURPOSE: dict[str, tuple[str, ...]] = {
    "the line search of L-BFGS": ("optimizer=lbfgs",),
    "curvature that sets the learning rate, power iterations": ("method=curvature_lr",),
    "curvature that sets the learning rate, Hutchinson": ("method=curvature_lr", "lr_schedule.estimator=hutchinson"),
    "curvature that sets the learning rate, gradient proxy": (
        "method=curvature_lr",
        "lr_schedule.estimator=gradient_proxy",
    ),
    "curvature that sets the learning rate, secants": ("method=curvature_lr", "lr_schedule.estimator=secant"),
    "curvature that bounds the gradient": ("method=curvature_lr", "lr_schedule.clip_threshold=1.0"),
    "the checks of an adaptive path": ("method=identity_homotopy", "continuation=adaptive"),
}
"""What cannot do without the host, and an example of it."""

TAKES_ITS_STEP = [
    case for case in MIXTURES if not case.startswith("curvature-lr/") and case.split("/")[1] not in STARTS
]
"""The cases that have to do without; without values, models that differ in initial ones are one."""

EVERY_RULE = [f"{method}/mlp-orthogonal/mnist1d" for method in ("baseline", "identity-circular", "hta")]
"""The cases with every update rule; a rule knows neither network nor method, and the others have one each, in turn."""

HTA = ("method=hta", "continuation=linear", "optimizer=sgd", "training.clip_norm=null", *SMALL)

HTA_VARIANTS = [
    *(("model=mlp", "method.split=layers", f"method.update={update}") for update in ("proximal", "literal")),
    ("model=mlp", "method.split=random", "method.groups=3", "method.batches=separate", "method.reference=random"),
    ("model=cnn", "method.split=channels", "method.groups=3", "method.reference=initial"),
    ("model=cnn", "method.split=channels", "method.update=released", "method.L=[0.02]"),
]


def on_meta(members: Sequence[Config], dataset: str) -> Trainer:
    """Return an ensemble without values that takes a step an epoch."""
    splits = splits_without_content(dataset, members[0].training.batch_size)
    return Trainer([replace(one, hardware=Meta(dtype="float32")) for one in members], splits)


def splits_without_content(dataset: str, samples: int) -> Splits:
    """Return splits with inputs of the shape of a data set."""
    if dataset == "text":
        windows = Windows.of(np.zeros(8 * samples + 8, np.uint8), 8, spare=True)
        return Splits(windows, windows, windows, 256, objective="next_token")
    zeros = Samples(np.zeros((samples, *SHAPES[dataset]), np.float32), np.zeros(samples, np.int64))
    return Splits(zeros, zeros, zeros, 10)


def train_to_the_end(training: Trainer) -> None:
    with no_host_waits():
        for _ in range(training.total_steps):
            training.advance()
    assert training.ensemble.theta.device == META
    assert training.last_t() == [1.0] * len(training.configs)


def without_checks(overrides: Sequence[str]) -> list[str]:
    """Return a member of a mixture with another path in place of an adaptive one, whose checks look at losses."""
    kept = [one for one in overrides if not one.startswith("continuation.")]
    return [one.replace("continuation=adaptive", "continuation=polynomial") for one in kept]


@pytest.mark.parametrize("case", TAKES_ITS_STEP)
def test_no_step_waits_for_the_host(case: str) -> None:
    dataset = case.rpartition("/")[2]
    has_levels = case.startswith(("hta/", "l2-schedule/"))  # which set the number of epochs
    # A step at the start of the path, one on it, one after it.
    changes: tuple[str, ...] = () if has_levels else ("training.epochs=3",)
    if dataset == "cifar10":
        changes += ("dataset.augment=crop_flip",)
    if "/mlp-orthogonal/" in case:
        changes += ("dataset.shift=2", "dataset.noise=0.1", "training.weight_average=0.9")
    rules = effort(case)[0]
    turn = TAKES_ITS_STEP.index(case) % len(rules)
    for optimizer in rules if case in EVERY_RULE else rules[turn : turn + 1]:
        rates = OPTIMIZERS[optimizer]
        mixed = mixture(case, optimizer, [*rates, rates[1]])
        members = [varied(CASES[case], (*without_checks(one), *changes)) for one in mixed]
        train_to_the_end(on_meta(members, dataset))
    # One member has another forward pass than several, and the same update: one rule is enough.
    train_to_the_end(on_meta(members[:1], dataset))


@pytest.mark.parametrize("variant", HTA_VARIANTS, ids=" ".join)
def test_no_variant_of_coupled_copies_waits_for_the_host(variant: tuple[str, ...]) -> None:
    small = ("model.depth=4", "model.width=6", "optimizer.lr=1e-4", *variant)
    members = configs(*((*HTA, *small, f"continuation.warmup_fraction={end}") for end in (0.3, 0.6)))
    training = on_meta(members, "mnist1d")
    copies = len(training.rows.owners)
    train_to_the_end(training)
    assert len(training.rows.owners) == 2 < copies  # they have merged


def test_no_look_at_the_fisher_matrix_waits_for_the_host() -> None:
    natural = (*MODELS["mlp-batchnorm"], *SMALL, "method=baseline", "optimizer=natural_gradient", "optimizer.every=2")
    train_to_the_end(on_meta(configs(natural, (*natural, "optimizer.damping=0.1")), "mnist1d"))


@pytest.mark.parametrize("looks", LOOKS_ON_PURPOSE)
def test_what_looks_on_purpose_does(looks: str) -> None:
    (member,) = configs((*MODELS["mlp-default"], *SMALL, *LOOKS_ON_PURPOSE[looks]))
    with pytest.raises(HostWait, match=r"looks at a value|copies"):
        train_to_the_end(on_meta([member], "mnist1d"))


def test_between_two_looks_a_step_does_not_wait() -> None:
    schedule = ("method=curvature_lr", "lr_schedule.dense_steps=1", "lr_schedule.every=100")
    for looks, first in ((schedule, 1), (LOOKS_ON_PURPOSE["the checks of an adaptive path"], 0)):
        (member,) = configs((*MODELS["mlp-default"], *SMALL, *looks))
        training = on_meta([member], "mnist1d")
        training.step = first
        if first:
            training.rates.of_parts(0)
        with no_host_waits():
            training.advance()


def _of_device() -> Tensor:
    return torch.zeros(2, device=META)


@pytest.mark.parametrize(
    "wait",
    [
        lambda: _of_device()[0].item(),
        lambda: _of_device().tolist(),
        lambda: _of_device().cpu(),
        lambda: bool((_of_device() > 0).any()),
        lambda: _of_device()[_of_device() > 0],
        lambda: _of_device()[[0, 1]],
        lambda: _of_device().new_tensor([1.0]),
        lambda: torch.tensor([1.0], device=META),
        lambda: torch.zeros(2).to(META),
        lambda: _of_device().copy_(torch.zeros(2)),
        lambda: _of_device() + torch.zeros(2),
    ],
)
def test_every_kind_of_wait_is_noticed(wait: Callable[[], object]) -> None:
    with pytest.raises(HostWait), no_host_waits():
        wait()


def test_what_does_not_wait_passes() -> None:
    with no_host_waits():
        _of_device()[0] = 1.0
        _of_device()[_of_device() > 0] = 1.0
        _of_device() + torch.tensor(1.0)
        torch.where(_of_device() > 0, 1.0, _of_device())
        torch.zeros(2).to(META, non_blocking=True)
