"""The curvature controller inside training: what it measures, what it leaves alone, and how it fails."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from homotopy_bench import train
from homotopy_bench.core.files import read_json_lines
from homotopy_bench.curvature.control.controller import CurvatureController
from homotopy_bench.curvature.estimators import ESTIMATORS, Local
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.optim.lr_schedules.curvature import Curvature
from homotopy_bench.training.trainer import Trainer
from tests.composing import compose
from tests.curvature.exact import network_case
from tests.training_runs import begin, trained

SMALL = (
    "method=curvature_lr",
    "lr_schedule@lr_schedule.base=constant",
    "dataset.samples=500",
    "model.depth=2",
    "model.width=8",
    "training.epochs=3",
    "training.batch_size=128",
    "hardware.dtype=float64",
    "lr_schedule.dense_steps=3",
    "lr_schedule.every=2",
)
"""2 steps an epoch."""


def local(ensemble: Ensemble, batch: tuple[Tensor, Tensor]) -> Local:
    x, y = batch

    def evaluate() -> Tensor:
        logits = ensemble.modules(x)
        return torch.stack([nn.functional.cross_entropy(*pair) for pair in zip(logits, y, strict=True)])

    return Local(ensemble, evaluate, step=0)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("blocks", [1, 3])
def test_estimates_against_exact_hessians(members: int, blocks: int) -> None:
    case = network_case("plain", "tanh", members)
    exact = torch.stack([case.hessian(member) for member in range(members)])
    columns = list(case.ensemble.layers().values()) if blocks > 1 else [slice(0, exact.shape[1])]
    assert len(columns) == blocks
    seeds = list(range(members))

    def estimate(name: str, products: int, first_products: int) -> Tensor:
        estimator = ESTIMATORS[name](columns, case.ensemble.theta, seeds, products, first_products)
        return estimator.estimate(local(case.ensemble, case.batch))

    power, secant, trace = estimate("power", 3, 800), estimate("secant", 1, 1), estimate("hutchinson", 300, 1)
    at = local(case.ensemble, case.batch)
    for member in range(members):
        own, gradient = exact[member], at.gradient[member]
        along = own @ gradient / gradient.norm()
        for b, block in enumerate(columns):
            part = own[block, block]
            largest = torch.linalg.eigvalsh(part).abs().max()
            assert power[member, b].item() == pytest.approx(largest.item(), rel=1e-4)
            share = gradient[block].norm() / gradient.norm()
            assert secant[member, b].item() == pytest.approx((along[block].norm() / share).item(), rel=0.02)
            off = own[block].square().sum() + part.square().sum() - 2 * part.diagonal().square().sum()
            assert abs(trace[member, b].item() - part.trace().abs().item()) < 4 * (off / 300).sqrt().item()


def test_the_published_proxy_is_the_relative_change_of_the_gradient_norm() -> None:
    case = network_case("plain", "relu", 2)
    at = local(case.ensemble, case.batch)
    norms = at.gradient.norm(dim=1)
    proxy = ESTIMATORS["gradient_proxy"]([slice(0, at.gradient.shape[1])], at.gradient, [0, 1], 1, 1)
    assert proxy.estimate(at).flatten().tolist() == [0.0, 0.0]
    case.ensemble.gradient.mul_(3.0)
    kappa = proxy.estimate(at).flatten() / (3.0 * norms).square()
    torch.testing.assert_close(kappa, torch.full_like(kappa, 2.0 / 3.0))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("batch", [128, 40])
def test_a_measurement_that_does_not_bind_changes_no_step(estimator: str, batch: int) -> None:
    case = (*SMALL, f"training.batch_size={batch}", "model.block=batchnorm")
    loose = (*case, f"lr_schedule.estimator={estimator}", "lr_schedule.stability=1e12")
    without = [one for one in case if not one.startswith("lr_schedule")]
    baseline = trained((*without, "lr_schedule=constant"), steps=6)
    measured = trained(loose, steps=6)
    torch.testing.assert_close(measured.ensemble.theta, baseline.ensemble.theta, rtol=1e-12, atol=1e-12)
    for name, values in baseline.ensemble.buffers.items():
        torch.testing.assert_close(measured.ensemble.buffers[name], values, rtol=1e-12, atol=1e-12)


@pytest.mark.data
@pytest.mark.parametrize("batch", [128, 64])
def test_masks_and_statistics_of_a_measurement_are_those_of_the_step(batch: int) -> None:
    def network(*overrides: str) -> Trainer:
        case = ("method=curvature_lr", "dataset=mnist", "dataset.subset=300", "dataset.test_subset=20", "model=vgg11")
        size = ("model.width=0.0625", "model.dropout=0.5", "model.batchnorm=true", "hardware.dtype=float64")
        return trained((*case, *size, f"training.batch_size={batch}", "training.epochs=1", *overrides), steps=2)

    baseline = network("method=baseline", "lr_schedule=constant", "optimizer=sgd")
    loose = network(
        "lr_schedule@lr_schedule.base=constant", "lr_schedule.stability=1e12", "lr_schedule.first_products=2"
    )
    torch.testing.assert_close(loose.ensemble.theta, baseline.ensemble.theta, rtol=1e-10, atol=1e-12)
    for name, values in baseline.ensemble.buffers.items():
        torch.testing.assert_close(loose.ensemble.buffers[name], values, rtol=1e-10, atol=1e-12)


def test_the_secant_looks_twice_through_the_same_masks() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 3)
            self.looks: Tensor
            self.register_buffer("looks", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.looks += 1.0
            output: Tensor = self.linear(x) * self.looks
            return output

    ensemble = Ensemble([Masked().double()], dtype=torch.float64)
    x, y = torch.randn(1, 20, 4, dtype=torch.float64), torch.randint(3, (1, 20))
    at = local(ensemble, (x, y))
    assert torch.equal(at.change(torch.zeros_like(at.gradient)), torch.zeros_like(at.gradient))
    assert ensemble.buffers["looks"].item() == 1.0


def test_a_second_look_that_fails_leaves_everything_where_it_was() -> None:
    case = network_case("batchnorm", "relu", 2)
    case.ensemble.train()
    looks = []

    def evaluate() -> Tensor:
        looks.append(1)
        outputs = case.ensemble.modules(case.batch[0]).square().mean(dim=(1, 2))
        if len(looks) > 1:
            raise RuntimeError("out of memory")
        return outputs

    theta = case.ensemble.theta.clone()
    at = Local(case.ensemble, evaluate, 0, twice=False)
    gradient = at.gradient.clone()
    with pytest.raises(RuntimeError, match="out of memory"):
        at.change(torch.ones_like(theta))
    assert torch.equal(case.ensemble.theta, theta)
    assert torch.equal(case.ensemble.gradient, gradient)


def test_what_a_step_paid() -> None:
    def paid(*overrides: str) -> list[tuple[int, int]]:
        training = begin((*SMALL, "lr_schedule.first_products=5", *overrides))
        steps = []
        for _ in range(6):
            training.advance()
            steps.append((training.meters.last.gradients[0], training.meters.last.products[0]))
        return steps

    # Estimates at steps 0, 1, 2 and 4.
    assert paid() == [(1, 5), (1, 1), (1, 1), (1, 0), (1, 1), (1, 0)]
    assert paid("lr_schedule.estimator=secant") == [(2, 0), (2, 0), (2, 0), (1, 0), (2, 0), (1, 0)]
    assert paid("lr_schedule.estimator=gradient_proxy") == [(1, 0)] * 6
    # 128 samples are 4 batches of 32, and their gradient is no longer that of the step.
    assert paid("training.batch_size=32") == [(5, 20), (5, 4), (5, 4), (1, 0), (5, 4), (1, 0)]
    assert paid("lr_schedule.scope=per_layer")[:2] == [(1, 15), (1, 3)]


@pytest.mark.parametrize("scope", ["global", "per_layer"])
@pytest.mark.parametrize("form", ["cap", "kappa"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_members_equal_separate_runs_and_continue_bitwise(scope: str, form: str, estimator: str) -> None:
    shared = (f"lr_schedule.scope={scope}", f"lr_schedule.form={form}", f"lr_schedule.estimator={estimator}")
    members = [
        (*SMALL, *shared, "seed=3", "lr_schedule.start=0.01", "lr_schedule.clip_threshold=2"),
        (*SMALL, *shared, "seed=4", "lr_schedule.alpha=3", "optimizer.momentum=0.5", "optimizer.lr=0.02"),
    ]
    together = trained(*members, steps=6)
    for index, member in enumerate(members):
        alone = trained(member, steps=6)
        torch.testing.assert_close(together.ensemble.theta[index], alone.ensemble.theta[0], rtol=1e-9, atol=1e-12)
        half, continued = trained(member, steps=3), begin(member)
        continued.load_member_states([half.member_state(0)])
        assert continued.last_lr() == half.last_lr()
        while continued.step < 6:
            continued.advance()
        assert torch.equal(continued.ensemble.theta, alone.ensemble.theta)
        assert continued.rates.take_diagnostics(0) == alone.rates.take_diagnostics(0)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_layer_without_a_gradient_leaves_the_others_their_limits(estimator: str) -> None:
    # The trained angles have no gradient from t = 1 on.
    angles = ("method=convexity_annealing", "method.theta=shared", "continuation.warmup_fraction=0.5")
    rule = ("lr_schedule=curvature", "lr_schedule.scope=per_layer", "lr_schedule.stability=0.01", "optimizer.lr=1")
    training = trained((*SMALL[1:], *angles, *rule, f"lr_schedule.estimator={estimator}"), steps=6)
    assert training.last_t() == [1.0]
    found = training.rates.take_diagnostics(0)
    assert found["curvature_failures"] == 0
    assert sum(value == 0.0 for value in found["lambda_max_layers"].values()) == 1
    assert min(found["lr_layers"].values()) < 1.0


def test_drawn_labels_do_not_reach_the_step_of_a_measured_natural_gradient() -> None:
    fisher = [one for one in SMALL if not one.startswith("lr_schedule")] + ["optimizer=natural_gradient"]
    baseline = trained((*fisher, "lr_schedule=constant"), steps=6)
    measured = trained((*SMALL, "optimizer=natural_gradient", "lr_schedule.stability=1e12"), steps=6)
    torch.testing.assert_close(measured.ensemble.theta, baseline.ensemble.theta, rtol=1e-12, atol=1e-12)


def test_every_layer_moves_at_its_own_rate() -> None:
    slow = ("lr_schedule.stability=0.01", "optimizer.momentum=0", "training.clip_norm=null")
    training = begin((*SMALL, "lr_schedule.scope=per_layer", *slow))
    for _ in range(6):
        before = training.ensemble.theta.clone()
        training.advance()
        rates = training.rates.take_diagnostics(0)["lr_layers"]
        for name, block in training.ensemble.layers().items():
            moved = before[:, block] - rates[name] * training.ensemble.gradient[:, block]
            torch.testing.assert_close(training.ensemble.theta[:, block], moved, rtol=1e-12, atol=1e-14)
    assert len(set(rates.values())) == 3


class Raising(torch.autograd.Function):
    """The identity, whose derivative cannot be had."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        raise RuntimeError("no second derivative")


class Once(torch.autograd.Function):
    """The identity, of which torch leaves out the second derivative without a word."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.clone()


class RaisingAtGraph(torch.autograd.Function):
    """The identity, whose derivative cannot be had together with a graph."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            raise RuntimeError("no second derivative")
        return gradient


class RaisingAtProduct(torch.autograd.Function):
    """The identity, whose second derivative cannot be had."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        function: Any = Raising
        output: Tensor = function.apply(gradient)
        return output


def with_last_part(overrides: tuple[str, ...], part: Any) -> Trainer:
    training = begin(overrides)
    network: Any = training.ensemble.network
    network.register_forward_hook(lambda _module, _x, logits: part.apply(logits))
    return training


@pytest.mark.parametrize("estimator", ["secant", "gradient_proxy"])
def test_estimates_without_products_need_no_second_derivatives(estimator: str) -> None:
    training = with_last_part((*SMALL, f"lr_schedule.estimator={estimator}"), Once)
    for _ in range(6):
        training.advance()
    assert training.rates.take_diagnostics(0)["curvature_failures"] == 0


def test_what_becomes_of_one_member_does_not_show_in_the_estimates_of_another() -> None:
    """Of two members of HTA one merges its copies while the other is on its path."""
    case = ("method=hta", "dataset.samples=500", "model.depth=2", "model.width=8", "hardware.dtype=float64")
    rest = ("continuation=linear", "training.epochs=8", "training.batch_size=128", "lr_schedule=curvature", "seed=1")
    shares = [f"continuation.warmup_fraction={share}" for share in (0.3, 0.9)]
    members = [(*case, *rest, "lr_schedule.dense_steps=100", share) for share in shares]
    together, alone = trained(*members, steps=12), trained(members[1], steps=12)
    traces = [one.rates.take_diagnostics(m)["curvature"]["lambda_max"] for one, m in ((together, 1), (alone, 0))]
    np.testing.assert_allclose(traces[0], traces[1], rtol=1e-6)


@pytest.mark.parametrize("part", [Once, RaisingAtGraph, RaisingAtProduct])
def test_a_network_without_second_derivatives_trains_at_the_schedule(part: Any) -> None:
    training = with_last_part(SMALL, part)
    baseline = begin((*[one for one in SMALL if not one.startswith("lr_schedule")], "lr_schedule=constant"))
    for _ in range(6):
        training.advance()
        baseline.advance()
    torch.testing.assert_close(training.ensemble.theta, baseline.ensemble.theta, rtol=1e-12, atol=1e-12)
    said = training.rates.take_diagnostics(0)
    assert said["curvature_failures"] == 4
    assert said["curvature_last_failure"] in (
        "RuntimeError: no second derivative",
        "RuntimeError: an operation of the network can be differentiated once only",
    )
    assert np.isnan(said["lambda_max"])


def controller(ensemble: Ensemble, members: int) -> CurvatureController:
    options = dict.fromkeys(range(members), Curvature())
    columns = {"all": slice(0, ensemble.theta.shape[1])}
    return CurvatureController(options, dict.fromkeys(options, 2.0), ensemble, list(range(members)), columns)


@pytest.mark.parametrize(("factor", "reason"), [(0.0, "the gradient is zero"), (float("nan"), "not finite")])
def test_an_estimate_of_one_member_that_fails_leaves_the_others_alone(factor: float, reason: str) -> None:
    case = network_case("plain", "relu", 2)
    scale = torch.tensor([1.0, factor], dtype=torch.float64)
    rows = Rows((1, 1))
    control = controller(case.ensemble, 2)

    def evaluate(weights: Tensor) -> Tensor:
        logits = case.ensemble.modules(case.batch[0])
        pairs = zip(logits, case.batch[1], strict=True)
        return torch.stack([nn.functional.cross_entropy(*pair) for pair in pairs]) * weights

    assert control.measure(0, case.ensemble, rows, partial(evaluate, scale)) is not None
    rates = control.rates(0, [1e9, 1e9])
    assert rates[0][0] < 1e9
    assert rates[1][0] == 1e9
    assert control.take_diagnostics(0)["curvature_failures"] == 0
    said = control.take_diagnostics(1)
    assert np.isnan(said["curvature"]["lambda_max"]).all()
    assert said["curvature_failures"] == 1
    assert reason in said["curvature_last_failure"]
    # The next estimate that succeeds steers again.
    control.measure(1, case.ensemble, rows, partial(evaluate, torch.ones_like(scale)))
    assert control.rates(1, [1e9, 1e9])[1][0] < 1e9


def test_members_with_other_estimators_do_not_train_together() -> None:
    with pytest.raises(ValueError, match=r"cannot differ in lr_schedule.estimator \(power, secant\)"):
        begin(SMALL, (*SMALL, "lr_schedule.estimator=secant"))


def test_the_record_of_a_measured_run(tmp_path: Path, real_curves: None) -> None:
    config = compose(*SMALL, "lr_schedule.scope=per_layer", "model.depth=2", "training.epochs=4", "seed=1")
    result = train(config, tmp_path / "run")
    assert result.summary["status"] == "completed"
    lines = read_json_lines(tmp_path / "run" / "metrics.jsonl")
    steps = [step for line in lines for step in line["curvature"]["step"]]
    assert steps == [0, 1, 2, 4, 6]
    for line in lines:
        assert line["lambda_max"] == max(line["lambda_max_layers"].values())
        assert line["curvature_failures"] == 0
        assert set(line["lr_layers"]) == {"hidden.0.affine", "hidden.1.affine", "output"}
    assert result.summary["cost"]["hvp_evaluations"] == 3 * (15 + 4)
    assert (tmp_path / "run" / "curves.png").stat().st_size > 5000
