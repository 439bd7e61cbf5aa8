"""Check a choice of one's own, in one's own tests, for what holds of the built-in ones.

    from homotopy_bench.testing import check

    def test_my_method(tmp_path):
        check("method=mine", include=["."], folder=tmp_path)

Seconds on one processor; nothing outside the folder is written.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from homotopy_bench.config.compose import compose
from homotopy_bench.config.schema import Config
from homotopy_bench.core.included.copies import COPIES
from homotopy_bench.data.base import Splits
from homotopy_bench.runs.run import train
from homotopy_bench.tracking.record import read_metrics
from homotopy_bench.training.trainer import Trainer

SMALL = ("training.epochs=2", "training.eval_every=1", "training.batch_size=30")
"""Settings of a training of seconds."""

STEPS = 6
"""Steps that members are compared over."""

TOLERANCE = 1e-9
"""Largest relative difference of members in float64: the order of sums differs."""


def check(
    *overrides: str, include: Sequence[str | Path] = (), folder: Path | str | None = None, small: Sequence[str] = SMALL
) -> None:
    """Check that a choice has the properties that every comparison here rests on.

    At t = 1 throughout it is the baseline, bit for bit (where it deforms). Two members trained as one ensemble equal
    two trained alone, in float64. A training that is stopped and continued ends at the same bits. The record is whole,
    and keeps the included text.

    Args:
        *overrides: What ``homotopy-train`` would be told, such as ``"method=mine"``. A built-in model or data set can
            be made smaller here: ``"model.depth=3"``, ``"dataset.samples=500"``.
        include: Folders of choices.
        folder: Where a record is written; None for a temporary folder.
        small: Settings that come before the others.

    Raises:
        AssertionError: If a property does not hold; says which.
        InputError: If the choice cannot be used.

    Example:
        >>> check("method=identity_homotopy", "model.depth=3", "model.width=8", "dataset.samples=500")
    """
    asked = (*small, *overrides)
    config = compose(*asked, include=include)
    splits = config.dataset.load(config.paths.data_root())
    if config.method.deforms:
        _check_target(asked, include, splits)
    _check_members(asked, include, splits)
    _check_resume(config, splits)
    if folder is not None:
        _check_record(config, Path(folder) / "checked")
        return
    with tempfile.TemporaryDirectory() as temporary:
        _check_record(config, Path(temporary))


def _trained(config: Config, splits: Splits, steps: int = STEPS) -> Trainer:
    trainer = Trainer([config], splits)
    for _ in range(min(steps, trainer.total_steps)):
        trainer.advance()
    return trainer


def _check_target(asked: Sequence[str], include: Sequence[str | Path], splits: Splits) -> None:
    """Check that a deformation at t = 1 throughout trains as the target network does."""
    at_target = compose(*asked, "continuation=constant", include=include)
    method = f"method={at_target.method.name}"
    same = [one for one in asked if not one.startswith(("method=", "method.", "continuation"))]
    parts = [f"{group}={getattr(at_target, group).name}" for group in ("optimizer", "lr_schedule")]
    plain = compose(*same, "method=baseline", *(one for one in parts if one not in same), include=include)
    ours = replace(at_target, optimizer=plain.optimizer, lr_schedule=plain.lr_schedule, training=plain.training)
    states = [_trained(one, splits).target_states([0])[0] for one in (ours, plain)]
    for name, value in states[1].items():
        assert torch.equal(states[0][name], value), f"{method} at t = 1 is not the baseline: {name} differs"


def _check_members(asked: Sequence[str], include: Sequence[str | Path], splits: Splits) -> None:
    """Check that members of an ensemble equal separate runs."""
    if not any(one.startswith("optimizer=") for one in asked):
        # Adam would magnify the last digits where a gradient is next to nothing.
        asked = (*(one for one in asked if not one.startswith("optimizer.")), "optimizer=sgd", "optimizer.lr=0.01")
    configs = [compose(*asked, "hardware.dtype=float64", f"seed={seed}", include=include) for seed in (0, 1)]
    steps = 1 if configs[0].optimizer.name == "lbfgs" else STEPS  # so does a line search from one step to the next
    together = Trainer(configs, splits)
    for _ in range(min(steps, together.total_steps)):
        together.advance()
    for member, config in enumerate(configs):
        state, alone = together.target_states([member])[0], _trained(config, splits, steps).target_states([0])[0]
        for name, value in alone.items():
            near = torch.allclose(state[name].double(), value.double(), rtol=TOLERANCE, atol=TOLERANCE)
            assert near, f"seed {member} beside another is not the run alone: {name} differs"


def _check_resume(config: Config, splits: Splits) -> None:
    """Check that a training that goes on from a state ends as one that was never stopped."""
    whole, stopped = _trained(config, splits), _trained(config, splits, STEPS // 2)
    continued = Trainer([config], splits)
    continued.load_member_states([stopped.member_state(0)])
    while continued.step < whole.step:
        continued.advance()
    assert torch.equal(continued.ensemble.theta, whole.ensemble.theta), "a continued training has other parameters"
    for name, values in whole.ensemble.buffers.items():
        assert torch.equal(continued.ensemble.buffers[name], values), f"a continued training differs in {name}"


def _check_record(config: Config, folder: Path) -> None:
    """Check that a run ends with a whole record."""
    summary = train(config, folder).summary
    assert summary["status"] in ("completed", "diverged"), f"the run {summary['status']}: {summary['reason']}"
    written = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert written["config_hash"] == config.hash(), "the record has another configuration"
    assert written["final"] is not None or summary["status"] == "diverged", "the record has no final accuracy"
    assert len(read_metrics(folder / "metrics.jsonl")) >= 1, "the record has no evaluation"
    kept = {one["sha256"] for one in written.get("included", [])}
    assert len(kept) == len(config.include), "the record does not name what was included"
    for key in config.include:
        assert (folder / COPIES / key).is_dir(), f"the record does not keep the text of {key}"
