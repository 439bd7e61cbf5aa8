"""What is declared to be a member's own really is, and everything else keeps configurations apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

from homotopy_bench.config.program import check_one_program
from homotopy_bench.config.schema import Config, Training
from homotopy_bench.continuation.linear import Linear
from homotopy_bench.core.conf_files import choices_of
from homotopy_bench.core.options import ROOMS, option_class
from homotopy_bench.data.base import Samples, Splits
from homotopy_bench.methods.identity_homotopy import IdentityHomotopy
from homotopy_bench.optim.lr_schedules.step import Step
from homotopy_bench.training.trainer import Trainer
from tests.cases import DATASETS
from tests.composing import compose

TINY = (
    *("model.depth=3", "model.width=6", "training.epochs=8", "training.batch_size=5", "training.clip_norm=0.5"),
    *("hardware.dtype=float64", "dataset.samples=500"),
)
"""15 training samples make 3 steps an epoch, 24 in all: adaptive paths are checked at every one or second step."""

composed = cache(compose)

BASE: dict[str, dict[str, Any]] = {
    "convexity_annealing": {"theta": "shared", "theta_penalty": 0.1},
    "convexity_annealing.order": {},
    "decay_centre": {"strength": 0.1},
    "tailored_activation": {"cosine": 0.5},
    "hta": {"L": (0.3, 0.1), "spacing": "geometric", "levels": 3, "epochs_per_level": 1},
    "l2_schedule": {"L": (0.3, 0.1), "spacing": "geometric", "levels": 3, "epochs_per_level": 1},
    "curvature": {"dense_steps": 2, "every": 2, "form": "kappa", "clip_threshold": 1.0},
    "lbfgs": {"max_iter": 3},
    "adaptive": {"check_fraction": 0.1, "first_step": 0.4},
    **{vgg: {"width": 0.02} for vgg in ("vgg11", "vgg13", "vgg16", "vgg19")},
    **{name: {"depth": 1, "width": 8, "heads": 2, "dropout": 0.1} for name in ("transformer", "gpt2", "vit")},
}
"""Options with which a choice can be trained here and its keys matter, some for one key alone."""

DECODERS = ("transformer", "gpt2")
"""Models of texts."""

CANDIDATES: tuple[Any, ...] = (0.25, 0.05, 0.5, 1.5, 2, 4, 0.01, True, False, (0.4, 0.2), [1], Step())


def example(group: str, choice: str, field: str | None = None) -> Config:
    """Return a configuration with one choice of a group, and what it or one of its keys needs beside it."""
    levels = ["method=l2_schedule", "method.L=[0.2,0.1]", "method.epochs_per_level=1"]
    overrides = {
        "hta": levels,
        "l2_schedule": levels,
        "levels": levels,
        "curvature": ["method=curvature_lr"],
        "lbfgs": ["training.clip_norm=null"],
    }.get(choice, [])
    config = composed("method=baseline", *overrides, *TINY)
    if group == "continuation" and choice != "levels":
        config = replace(config, method=IdentityHomotopy())
    if choice in DECODERS:
        config = replace(config, dataset=composed("model=transformer", *DATASETS["text"]).dataset)
    options = BASE.get(f"{choice}.{field}", BASE.get(choice, {}))
    section: Any = option_class(group, choice).model_validate({"name": choice, **options})
    return replace(config, **{group: section})


def tables(folder: Path, section: Any, field: str) -> Any:
    """Return a replayed schedule whose folder is there."""
    folder.mkdir(exist_ok=True)
    lines = [{"step": 1, "u": 0.5, "lr": 0.1}, {"step": 2, "u": 1.0, "lr": 0.01 * len(folder.name)}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return section.model_copy(update={field: str(folder)})


def altered(section: Any, field: str) -> Any:
    """Return other valid options that differ in one field."""
    literal = [value for value in get_args(type(section).model_fields[field].annotation) if isinstance(value, str)]
    for value in (*CANDIDATES, *literal):
        options = {name: getattr(section, name) for name in type(section).model_fields}
        if value == options[field] or isinstance(value, bool) != isinstance(options[field], bool):
            continue
        try:
            return type(section).model_validate({**options, field: value})
        except ValueError:
            continue
    raise AssertionError(f"no other value of {field} is known: add one to CANDIDATES")


def splits(model: str) -> Splits:
    generator = np.random.default_rng(0)

    def samples(count: int) -> Samples:
        x = generator.standard_normal((count, 3, 8, 8) if model.startswith("vgg") else (count, 12))
        return Samples(x, generator.integers(3, size=count))

    return Splits(samples(15), samples(6), samples(6), 3)


def sections() -> Iterator[tuple[str, str]]:
    """Every choice of every group on which a result depends."""
    for group in ROOMS:
        if group not in ("logger", "landscape"):
            yield from ((group, choice) for choice in choices_of(group))


def own_keys() -> list[tuple[str, str, str]]:
    found = [("training", "training", field) for field in sorted(Training.per_member())]
    for group, choice in sections():
        kind = option_class(group, choice)
        found += [(group, choice, field) for field in sorted(kind.per_member() - {"name"})]
    return found


@pytest.mark.parametrize(("group", "choice", "field"), own_keys())
def test_members_can_differ_in_every_key_that_is_declared_their_own(
    group: str, choice: str, field: str, tmp_path: Path
) -> None:
    config = composed("method=baseline", *TINY) if group == "training" else example(group, choice, field)
    section = getattr(config, group)
    if choice == "trace":
        traces = [tables(tmp_path / name, section, field) for name in ("a", "other")]
        config, other = replace(config, lr_schedule=traces[0]), replace(config, seed=1, lr_schedule=traces[1])
    else:
        other = replace(config, seed=1, **{group: altered(section, field)})
    assert getattr(config, group) != getattr(other, group)
    assert config.program() == other.program()
    assert hash(config.program()) == hash(other.program())
    data = config.dataset.load(Path()) if choice in DECODERS else splits(choice)
    steps = 2 if choice.startswith("vgg") else 8
    together = Trainer([config, other], data)
    alone = [Trainer([one], data) for one in (config, other)]
    for _ in range(steps):
        for training in (together, *alone):
            training.advance()
    for member, single in enumerate(alone):
        theta = together.ensemble.theta[together.rows.of(member)]
        torch.testing.assert_close(theta, single.ensemble.theta, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("group", "choice"), [*sections(), ("training", "training")])
def test_every_other_key_belongs_to_the_program(group: str, choice: str) -> None:
    config = composed("method=baseline", *TINY) if group == "training" else example(group, choice)
    section = getattr(config, group)
    for field in type(section).model_fields:
        changed: Any = 0.25 if field == "dropout" else "another"
        other = replace(config, **{group: section.model_copy(update={field: changed})})
        if field in type(section).per_member():
            assert other.program() == config.program(), field
        elif group != "method" or section.deforms:
            assert other.program() != config.program(), field
            with pytest.raises(ValueError, match=rf"{group}\.{field} \(.*, another\)"):
                check_one_program([config.program(), other.program()])


def test_folders_loggers_and_seeds_do_not_count() -> None:
    config = composed(*TINY)
    assert composed(*TINY, "seed=3", "paths.outputs=elsewhere", "paths.data=there").program() == config.program()


def test_whether_there_is_dropout_belongs_to_the_program() -> None:
    rates = [composed("model=vgg11", "dataset=cifar10", f"model.dropout={p}").program() for p in (0.0, 0.1, 0.2)]
    assert rates[1] == rates[2] != rates[0]


def test_a_baseline_joins_every_path_on_its_network_and_paths_do_not_join_each_other() -> None:
    baseline = composed("method=baseline", *TINY).program()
    identity, convexity, hta = (
        composed(f"method={name}", "optimizer=adamw", *TINY, "continuation=linear").program()
        for name in ("identity_homotopy", "convexity_annealing", "hta")
    )
    for path in (identity, convexity, hta):
        check_one_program([baseline, path, baseline])
        check_one_program([path, baseline, path])
        assert path != baseline
    with pytest.raises(ValueError, match=r"differ in method.name \(identity_homotopy, convexity_annealing\)"):
        check_one_program([identity, baseline, convexity])
    with pytest.raises(ValueError, match=r"method\.name"):
        check_one_program([baseline, identity, convexity])
    wider = composed("method=baseline", *TINY, "model.width=8").program()
    with pytest.raises(ValueError, match=r"differ in model.width \(6, 8\)"):
        check_one_program([identity, wider])


def test_no_baseline_stands_beside_a_network_with_more_parameters() -> None:
    baseline = composed("method=baseline", *TINY).program()
    trained = composed("method=convexity_annealing", "method.theta=shared", *TINY).program()
    with pytest.raises(ValueError, match=r"method\.theta"):
        check_one_program([baseline, trained])


def test_members_of_other_programs_do_not_train_together() -> None:
    config = composed("method=baseline", *TINY)
    other = replace(config, training=config.training.model_copy(update={"epochs": 3}))
    with pytest.raises(ValueError, match=r"^members of one ensemble cannot differ in training.epochs \(8, 3\)$"):
        Trainer([config, other], splits("mlp"))


def test_baselines_beside_an_adaptive_path_are_what_they_are_alone() -> None:
    baseline = composed("method=baseline", *TINY)
    adaptive = example("continuation", "adaptive")
    slower = replace(adaptive, continuation=adaptive.continuation.model_copy(update={"check_fraction": 0.05}))
    straight = replace(adaptive, continuation=Linear(warmup_fraction=0.5))
    configs = [baseline, adaptive, slower, straight]
    together = Trainer(configs, splits("mlp"))
    alone = [Trainer([config], splits("mlp")) for config in configs]
    for _ in range(together.total_steps):
        for training in (together, *alone):
            training.advance()
    for member, single in enumerate(alone):
        torch.testing.assert_close(together.ensemble.theta[member], single.ensemble.theta[0], rtol=1e-12, atol=1e-12)
        assert together.paths.table[:, member].tolist() == single.paths.table[:, 0].tolist()
        assert together.diagnostics(member) == pytest.approx(single.diagnostics(0), rel=1e-10)
