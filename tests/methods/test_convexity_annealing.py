"""Convexity annealing: exact ends, stated derivatives, and angles that stay where they may be."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.random_streams import initialization
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.methods.bending import SLOPES, START, TRAINED
from homotopy_bench.methods.convexity_annealing import ConvexityAnnealing
from homotopy_bench.models.bend import bend
from tests.composing import compose
from tests.training_runs import begin

FORMS: list[Any] = ["literal", "variance_preserving"]
DTYPES = [torch.float32, torch.float64]
POINTS = [-3.0, -1.0, -0.5, -0.0, 0.0, 0.25, 1.0, 7.0]


def activation(form: str, x: Tensor, theta: Tensor) -> Tensor:
    right, left = SLOPES[form](theta)
    return bend(x, right=right, left=left)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_theta_zero_is_relu_exactly_with_its_derivative(form: str, dtype: torch.dtype) -> None:
    x = torch.tensor(POINTS, dtype=dtype, requires_grad=True)
    y = activation(form, x, torch.zeros((), dtype=dtype))
    assert torch.equal(y, torch.relu(x))
    (ours,) = torch.autograd.grad(y.sum(), x)
    (relus,) = torch.autograd.grad(torch.relu(x).sum(), x)
    assert torch.equal(ours, relus)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("form", "factor"), [("literal", 1.0), ("variance_preserving", sqrt(0.5))])
def test_theta_pi_over_4_is_linear_exactly(form: str, factor: float, dtype: torch.dtype) -> None:
    x = torch.tensor(POINTS, dtype=dtype, requires_grad=True)
    y = activation(form, x, torch.tensor(START, dtype=dtype))
    assert torch.equal(y, x * torch.tensor(factor, dtype=dtype))
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(slope, torch.full_like(x, factor))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_the_schedule_meets_both_ends_exactly(form: Any, dtype: torch.dtype) -> None:
    method = ConvexityAnnealing(form=form)
    values = method.coefficients(torch.tensor([0.0, 1.0], dtype=dtype), nn.Identity())
    right, left = values["homotopy.right"].tolist(), values["homotopy.left"].tolist()
    assert right[0] == left[0]
    assert (right[1], left[1]) == (1.0, 0.0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("theta", [0.05, 0.3, 0.6, 0.78])
def test_derivatives_equal_finite_differences_and_the_stated_ones(form: str, theta: float) -> None:
    angle = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    x = torch.tensor([-2.0, -0.1, 0.3, 1.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: activation(form, a, b), (x, angle))
    for point in x.detach():
        (by_angle,) = torch.autograd.grad(activation(form, point, angle), angle)
        left = {"literal": 1 / torch.cos(angle) ** 2, "variance_preserving": torch.cos(angle)}[form]
        right = {"literal": torch.zeros(()), "variance_preserving": -torch.sin(angle)}[form]
        expected = point * (left if point < 0 else right)
        torch.testing.assert_close(by_angle, expected.detach().double(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_ties(form: str) -> None:
    theta = torch.tensor(0.4, dtype=torch.float64)
    zero = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(activation(form, zero, theta).sum(), zero)
    assert torch.equal(slope, SLOPES[form](theta)[1].expand(2))
    edge = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    value = TRAINED[form](torch.tensor(-1.0, dtype=torch.float64), edge, bound=edge.detach())
    (whole,) = torch.autograd.grad(value, edge)
    inside = torch.autograd.grad(activation(form, torch.tensor(-1.0, dtype=torch.float64), edge), edge)
    torch.testing.assert_close(whole, inside[0])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("theta", ["scheduled", "shared", "per_neuron"])
def test_target_is_the_plain_network_bitwise(form: Any, theta: Any) -> None:
    model = compose("method=baseline", "model.depth=5", "model.width=8").model
    method = ConvexityAnnealing(form=form, theta=theta)
    with initialization(0):
        plain = model.build((40,), 10)
    with initialization(0):
        bent = model.build((40,), 10)
    method.deform(bent)
    ensemble = Ensemble([bent])
    x = torch.randn(1, 6, 40, generator=torch.Generator().manual_seed(0))
    ensemble.assign(method.coefficients(torch.ones(1), bent))
    assert torch.equal(ensemble.forward(x)[0], plain(x[0]))
    ensemble.assign(method.coefficients(torch.zeros(1), bent))
    assert not torch.equal(ensemble.forward(x)[0], plain(x[0]))


def test_the_variance_preserving_form_keeps_the_size_of_activations() -> None:
    model = compose("method=baseline", "model.depth=32", "model.width=256", "model.init=orthogonal").model
    method = ConvexityAnnealing(form="variance_preserving")
    x = torch.randn(64, 256, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    points = torch.linspace(0, 1, 5, dtype=torch.float64)
    rms = torch.zeros(len(points), 32, dtype=torch.float64)
    seeds = range(12)  # one network of finite width wanders by a few per cent a layer; the claim is about their mean
    for seed in seeds:
        with initialization(seed):
            network = model.build((256,), 10).double()
        method.deform(network)
        ensemble = Ensemble([network], dtype=torch.float64)
        for row, t in zip(rms, points, strict=True):
            ensemble.assign(method.coefficients(t.view(1), network))
            hidden = x
            with torch.no_grad():
                for depth, layer in enumerate(network.get_submodule("hidden").children()):
                    hidden = layer(hidden)
                    row[depth] += hidden.square().mean().sqrt() / len(seeds)
    assert (rms > 0.8).all()
    assert (rms < 1.2).all()


@pytest.mark.parametrize("theta", ["shared", "per_neuron"])
def test_trained_angles_stay_below_their_bound_and_move(theta: str) -> None:
    training = begin(
        "method=convexity_annealing method.theta_penalty=0.1 optimizer=adam optimizer.lr=0.01 model.depth=3 "
        f"model.width=8 dataset.samples=500 training.epochs=5 training.batch_size=32 method.theta={theta} "
        "continuation.warmup_fraction=1.0".split()
    )
    names = [name for name in training.ensemble.parameters if "theta" in name]
    assert len(names) == {"shared": 1, "per_neuron": 3}[theta]
    while training.step < training.total_steps:
        training.advance()
        bound = (pi / 4) * (1 - training.last_t()[0])
        for name in names:
            angles = training.ensemble.parameters[name]
            assert (angles >= 0).all()
            assert (angles <= bound + 1e-6).all()
    assert (
        training.target_network(0).state_dict().keys() == training.configs[0].model.build((40,), 10).state_dict().keys()
    )


@pytest.mark.parametrize("form", FORMS)
def test_an_angle_that_the_bound_has_passed_still_has_its_gradient(form: str) -> None:
    x = torch.tensor([-2.0, -0.5, 0.3], dtype=torch.float64)
    bound = torch.tensor(0.4, dtype=torch.float64)
    for start in (0.45, START, 0.4, 0.2):
        angle = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        inside = torch.tensor(min(start, 0.4), dtype=torch.float64, requires_grad=True)
        (ours,) = torch.autograd.grad(TRAINED[form](x, angle, bound=bound).sum(), angle)
        (at_the_projection,) = torch.autograd.grad(activation(form, x, inside).sum(), inside)
        torch.testing.assert_close(ours, at_the_projection, rtol=1e-14, atol=0)
        (at_the_target,) = torch.autograd.grad(TRAINED[form](x, angle, bound=0 * bound).sum(), angle)
        assert at_the_target == 0


@pytest.mark.parametrize("form", FORMS)
def test_an_angle_at_the_start_has_its_gradient(form: str) -> None:
    angle = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    x = torch.tensor([-2.0, 0.5], dtype=torch.float64)
    (slope,) = torch.autograd.grad(activation(form, x, angle).sum(), angle)
    expected = {"literal": -2.0 * 2.0, "variance_preserving": (-2.0 - 0.5) * sqrt(0.5)}[form]
    assert slope.item() == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("theta", ["shared", "per_neuron"])
def test_angles_leave_their_bound_where_the_loss_wants_it(theta: str) -> None:
    training = begin(
        (
            *("method=convexity_annealing", "method.theta_penalty=10.0", "optimizer=adam", "optimizer.lr=0.05"),
            *("model.depth=3", "model.width=8", "dataset.samples=500", "training.epochs=5", "training.batch_size=32"),
            *(f"method.theta={theta}", "continuation.warmup_fraction=1.0"),
        )
    )
    for _ in range(20):
        training.advance()
    bound = (pi / 4) * (1 - training.last_t()[0])
    for name, angles in training.ensemble.parameters.items():
        if "theta" in name:
            assert (angles < 0.9 * bound).all()


def test_the_penalty_is_the_gradient_of_theta_penalty_times_theta() -> None:
    case = "method=convexity_annealing method.theta=shared model.depth=3 model.width=8 dataset.samples=500"
    shared = [*case.split(), "training.clip_norm=null", "hardware.dtype=float64"]
    gradients = []
    for weight in (0.0, 0.25):
        training = begin((*shared, f"method.theta_penalty={weight}"))
        training.advance()
        gradients.append(training.ensemble.gradients["homotopy.theta"].item())
    assert gradients[1] - gradients[0] == pytest.approx(0.25, abs=1e-12)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="theta_penalty needs theta=shared"):
        compose("method=convexity_annealing", "method.theta_penalty=0.1")
    tanh = compose("method=convexity_annealing", "model.activation=tanh", "model.depth=2")
    with pytest.raises(InputError, match="accepted: activation=relu"):
        tanh.method.deform(tanh.model.build((40,), 10))
