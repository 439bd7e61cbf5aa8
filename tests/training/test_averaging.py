"""Weight averaging is that of torch.optim.swa_utils, and evaluations, records and networks have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from homotopy_bench.results.trained import load_run
from homotopy_bench.runs.run import train
from tests.composing import compose
from tests.training_runs import begin, trained

SMALL = ("dataset.samples=500", "training.batch_size=32", "training.epochs=4", "hardware.dtype=float64")
CASE = ("method=baseline", "model.depth=3", "model.width=8", *SMALL)
BATCHNORM = (*CASE, "model.block=batchnorm")
HTA = ("method=hta", "continuation=linear", "optimizer=adamw", "model.depth=3", "model.width=8", *SMALL)


def with_decay(case: tuple[str, ...], decay: float, *more: str) -> tuple[str, ...]:
    return (*case, f"training.weight_average={decay}", *more)


@pytest.mark.parametrize("case", [CASE, BATCHNORM], ids=["plain", "batchnorm"])
def test_the_average_is_that_of_swa_utils(case: tuple[str, ...]) -> None:
    training = begin(with_decay(case, 0.8))
    plain = begin(case)
    oracle = AveragedModel(plain.ensemble.network, multi_avg_fn=get_ema_multi_avg_fn(0.8))  # type: ignore[no-untyped-call]
    for _ in range(12):
        training.advance()
        plain.advance()
        oracle.update_parameters(plain.ensemble.network)
    assert torch.equal(training.ensemble.theta, plain.ensemble.theta)
    x = training.splits["validation"].x
    network = training.target_network(0)
    torch.testing.assert_close(network(x), oracle.eval()(x), rtol=1e-12, atol=1e-12)
    logits = oracle(x)
    score = training.evaluate("validation")[0]
    assert score.accuracy == (logits.argmax(1) == training.splits["validation"].y).double().mean().item()
    assert score != plain.evaluate("validation")[0]
    assert torch.equal(training.ensemble.theta, plain.ensemble.theta)


def test_members_have_their_own_decays() -> None:
    members = [with_decay(HTA, decay, f"seed={seed}") for seed, decay in enumerate((0.9, 0.0, 0.5))]
    together = trained(*members, steps=44)  # all steps: past the point where copies merge
    for member, overrides in enumerate(members):
        alone = trained(overrides, steps=44)
        for split in ("validation", "test"):
            ours, theirs = together.evaluate_target(split)[member], alone.evaluate_target(split)[0]
            assert ours.accuracy == theirs.accuracy
            assert ours.loss == pytest.approx(theirs.loss, rel=1e-9)
    plain = trained(members[1], steps=44)
    assert torch.equal(plain.ensemble.theta[0], trained((*HTA, "seed=1"), steps=44).ensemble.theta[0])


def test_an_adaptive_path_takes_steps_back_out_of_the_average() -> None:
    adaptive = ("method=identity_homotopy", "continuation=adaptive", *CASE[1:])
    training = trained(with_decay(adaptive, 0.9), (*adaptive, "seed=1"), steps=6)
    assert training.average is not None
    alone = begin((*adaptive, "seed=1"))  # which has no average, nor does its state know of one
    alone.load_member_states([training.member_state(1)])
    alone.follower._restore(0)
    member = training.follower.controllers[0]
    before = member.rejected
    for row in training.average.theta:  # as one broken step leaves it
        row.fill_(float("nan"))
    training.ensemble.theta.fill_(float("nan"))
    while member.rejected == before:
        training.advance()
    assert bool(training.average.theta.isfinite().all())
    assert all(score.loss < 10.0 for score in training.evaluate_target("validation"))


@pytest.mark.parametrize("case", [CASE, HTA], ids=["plain", "hta"])
def test_a_state_continues_bitwise(case: tuple[str, ...]) -> None:
    whole, half = (trained(with_decay(case, 0.9), steps=steps) for steps in (20, 9))
    continued = begin(with_decay(case, 0.9))
    continued.load_member_states([half.member_state(0)])
    while continued.step < 20:
        continued.advance()
    assert whole.average is not None
    assert continued.average is not None
    assert torch.equal(continued.average.theta, whole.average.theta)
    assert continued.evaluate_target("test") == whole.evaluate_target("test")


def test_a_record_has_the_average_and_without_it_nothing_changes(tmp_path: Path) -> None:
    config = compose(*with_decay(CASE, 0.9))
    final = train(config, tmp_path / "run").summary["final"]
    run = load_run(tmp_path / "run")
    x, y = run.samples("test")
    assert (run.network(x).argmax(1) == y).double().mean().item() == final["test_acc_target"]
    off: Any = compose(*CASE)
    assert off.hash() == compose(*with_decay(CASE, 0.0)).hash() != config.hash()
    assert "average" not in begin(CASE).member_state(0)
