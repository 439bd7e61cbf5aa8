"""Learning-rate schedules against torch's own schedulers and at their boundaries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import LambdaLR, LinearLR

from homotopy_bench import train
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import read_json_lines
from homotopy_bench.optim.lr_schedules.base import LRSchedule
from homotopy_bench.optim.lr_schedules.constant import ConstantLR
from homotopy_bench.optim.lr_schedules.inverse import Inverse
from homotopy_bench.optim.lr_schedules.linear_warmup import LinearWarmup
from homotopy_bench.optim.lr_schedules.step import Step
from homotopy_bench.optim.lr_schedules.trace import Trace
from homotopy_bench.optim.lr_schedules.warmup_cosine import WarmupCosine
from tests.composing import compose


def torch_rates(steps: int, lr: float, build: Any) -> list[float]:
    """The rates that a scheduler of torch.optim gives to its optimiser, step by step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = build(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return rates


def test_cosine_is_torchs_cosine() -> None:
    ours = WarmupCosine(warmup_fraction=0.0, final_fraction=0.1).table(40, lr=0.3)
    reference = torch_rates(40, 0.3, lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 40, eta_min=0.03))
    np.testing.assert_allclose(ours, reference, rtol=1e-9)


@pytest.mark.parametrize(("every", "steps"), [(0.1, 10), (0.1, 1000), (0.25, 40), (0.3, 100), (1.0, 7)])
def test_step_is_torchs_step(every: float, steps: int) -> None:
    ours = Step(every=every, gamma=0.5).table(steps, lr=0.3)
    reference = torch_rates(steps, 0.3, lambda o: torch.optim.lr_scheduler.StepLR(o, round(every * steps), gamma=0.5))
    np.testing.assert_allclose(ours, reference, rtol=1e-9)


def test_warm_up_is_linear_and_meets_the_cosine() -> None:
    schedule = WarmupCosine(warmup_fraction=0.2, final_fraction=0.05)
    rates = schedule.rates(np.array([0.0, 0.05, 0.1, 0.2, 0.6, 1.0]), lr=2.0)
    np.testing.assert_allclose(rates, [0.0, 0.5, 1.0, 2.0, 1.05, 0.1], atol=1e-15)


def test_linear_warm_up_meets_the_base_rate_exactly_and_stays() -> None:
    schedule = LinearWarmup(warmup_fraction=0.3)
    rates = schedule.rates(np.array([0.0, 0.15, 0.3, 0.30000001, 0.7, 1.0]), lr=2.1)
    np.testing.assert_allclose(rates[:2], [0.0, 1.05], rtol=1e-15)
    assert (rates[2:] == 2.1).all()
    assert schedule.rates(np.nextafter([0.3], 0.0), lr=2.1) == pytest.approx(2.1, rel=1e-15)


def test_without_a_warm_up_the_rate_is_constant_from_the_first_step() -> None:
    ours = LinearWarmup(warmup_fraction=0.0).table(7, lr=0.3)
    assert (ours == ConstantLR().table(7, lr=0.3)).all()


@pytest.mark.parametrize(("share", "steps"), [(0.25, 40), (0.1, 1000), (0.7, 10)])
def test_linear_warm_up_is_torchs(share: float, steps: int) -> None:
    ours = LinearWarmup(warmup_fraction=share).table(steps, lr=0.3)
    # torch's begins above zero: its step j is step j + 1 of ours.
    rise = round(share * steps)
    reference = torch_rates(steps, 0.3, lambda o: LinearLR(o, start_factor=1 / rise, total_iters=rise - 1))
    assert ours[0] == 0.0
    np.testing.assert_allclose(ours[1:], reference[:-1], rtol=1e-9)


@pytest.mark.parametrize(("epochs", "per_epoch"), [(100, 28), (7, 3), (49, 11), (1, 5)])
def test_inverse_divides_by_the_number_of_the_epoch(epochs: int, per_epoch: int) -> None:
    ours = Inverse(stairs=epochs).table(epochs * per_epoch, lr=1e-3)
    reference = torch_rates(epochs * per_epoch, 1e-3, lambda o: LambdaLR(o, lambda k: 1 / (k // per_epoch + 1)))
    np.testing.assert_allclose(ours, reference, rtol=1e-12)


def traced(folder: Path, *lines: dict[str, Any], torn: str = "") -> Trace:
    """A replay of a run whose metrics have these lines, and then a torn one."""
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + torn)
    return Trace(run=str(folder))


def test_a_trace_of_as_many_steps_has_the_rates_of_its_lines_at_their_steps(tmp_path: Path) -> None:
    rates = WarmupCosine(warmup_fraction=0.3).table(60, lr=0.3)
    lines = [{"step": k, "u": k / 60, "lr": rates[k - 1]} for k in range(4, 61, 4)]
    replayed = traced(tmp_path, *lines, torn='{"step": 61').table(60, lr=77.0)
    for line in lines:
        assert replayed[line["step"] - 1] == line["lr"]
    knots = [line["step"] - 1 for line in lines]
    for k in range(60):
        left, right = max([i for i in knots if i <= k], default=3), min([i for i in knots if i >= k], default=59)
        share = 0.0 if left == right or k < 3 else (k - left) / (right - left)
        assert replayed[k] == pytest.approx(rates[left] + share * (rates[right] - rates[left]), rel=1e-12)


def test_a_trace_is_replayed_over_progress_not_over_steps(tmp_path: Path) -> None:
    lines = [{"step": k, "u": k / 1000, "lr": 2.0 - k / 1000} for k in range(1, 1001)]
    replayed = traced(tmp_path, *lines).table(250, lr=1.0)
    np.testing.assert_allclose(replayed, 2.0 - (np.arange(250) / 250 + 1 / 1000), rtol=1e-12)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "has no complete line"),
        ([{"step": 2, "u": 1.0, "lr": -1.0}], "line 1 .* has the learning rate -1.0, not one >= 0"),
        ([{"step": 1, "u": 0.5, "lr": 1.0}, {"step": 2, "u": 1.0, "lr": None}], "line 2 .* has the learning rate None"),
        ([{"step": 2, "u": 1.0, "lr": "fast"}], "has the learning rate fast"),
        ([{"epoch": 1, "lr": 0.1}], "line 1 of its metrics.jsonl has no step and no u"),
        ([{"step": 1, "u": 0.5, "lr": 1.0}], r"ends at u = 0\.5, before the end of its training"),
    ],
)
def test_a_trace_that_cannot_be_replayed_is_refused(lines: list[dict[str, Any]], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"^lr_schedule\.run=\S+: .*{says}"):
        traced(tmp_path, *lines).check_sources()


def test_a_trace_of_damaged_metrics_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"its metrics\.jsonl is damaged at line 2: not a JSON object; accepted"):
        traced(tmp_path, {"step": 1, "u": 1.0, "lr": 1.0}, torn="{\n").check_sources()


@given(
    st.one_of(
        st.just(ConstantLR()),
        st.builds(Inverse, stairs=st.integers(1, 500)),
        st.builds(LinearWarmup, warmup_fraction=st.floats(0.0, 0.99)),
        st.builds(Step, every=st.floats(0.01, 1.0), gamma=st.floats(0.01, 1.0)),
        st.builds(WarmupCosine, warmup_fraction=st.floats(0.0, 0.99), final_fraction=st.floats(0.0, 1.0)),
    ),
    st.integers(1, 300),
    st.floats(1e-6, 10.0),
)
def test_rates_are_between_zero_and_the_base_rate(schedule: LRSchedule, steps: int, lr: float) -> None:
    rates = schedule.table(steps, lr)
    assert rates.shape == (steps,)
    assert ((rates >= 0) & (rates <= lr * (1 + 1e-12))).all()


def test_the_baseline_trains_with_the_learning_rates_of_a_run(tmp_path: Path) -> None:
    small = ("model.depth=2", "model.width=6", "dataset.samples=500", "training.epochs=4")
    train(compose("method=identity_homotopy", *small), tmp_path / "homotopy")
    replay = ("method=baseline", "lr_schedule=trace", f"lr_schedule.run={tmp_path}/homotopy", "optimizer.lr=9.0")
    train(compose(*replay, *small), tmp_path / "baseline")
    theirs, ours = (
        [line["lr"] for line in read_json_lines(tmp_path / run / "metrics.jsonl")] for run in ("homotopy", "baseline")
    )
    assert ours == theirs
    assert len(set(ours)) == 4
