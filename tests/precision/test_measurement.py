"""The figures of a network are those of its exact Hessian; what cannot be computed is said and stops nothing."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.func import functional_call

from homotopy_bench.precision.bounds import Missing
from homotopy_bench.precision.loss import NetworkLoss, traced
from homotopy_bench.precision.measurement import Measurement, measure
from homotopy_bench.precision.output import to_json, to_text
from homotopy_bench.runs.target_network import at_initialization
from homotopy_bench.training.trainer import Trainer
from tests.composing import compose
from tests.curvature.exact import NETWORKS, OnceDifferentiable, Sine, hessian_of, network_case

EPS = 1e-6


Batch = tuple[torch.Tensor, torch.Tensor]


def batch(samples: int = 30) -> Batch:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(samples, 4, generator=generator, dtype=torch.float64)
    return x, torch.randint(3, (samples,), generator=generator)


def measured(network: nn.Module, samples: Batch | None = None, eps: float = EPS, validate: bool = True) -> Measurement:
    x, y = samples or batch()
    return measure(network, x, y, eps, batch_size=10, validate=validate, words=("a network", "samples"))


def text_and_json(measurement: Measurement) -> tuple[str, dict[str, Any]]:
    return to_text(measurement), json.loads(to_json(measurement), parse_constant=pytest.fail)


# ReZero has parameters of no dimension.
@pytest.mark.parametrize(("block", "activation"), [*NETWORKS, ("rezero", "tanh")])
def test_figures_are_those_of_the_exact_hessian(block, activation):
    case = network_case(block, activation, members=1)
    x, y = case.batch[0][0], case.batch[1][0]
    flat = torch.cat([p.detach().flatten() for p in case.modules[0].parameters()])
    figures = measured(case.modules[0], (x, y), validate=False)
    loss = nn.functional.cross_entropy(case.modules[0](x), y)
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(case.modules[0].parameters()))])
    curvature = float(torch.linalg.eigvalsh(case.hessian(0)).abs().max())
    assert figures.parameters == len(flat)
    assert figures.loss == pytest.approx(loss.item(), rel=1e-12)
    assert figures.gradient == pytest.approx(float(gradient.norm()), rel=1e-12)
    assert figures.distance == pytest.approx(float(flat.norm()), rel=1e-12)
    assert figures.curvature.value == pytest.approx(curvature, rel=1e-3)
    assert figures.curvature.converged
    assert figures.kappa == pytest.approx(curvature / float(gradient.norm()) ** 2, rel=1e-3)


def test_the_loss_over_chunks_is_that_over_all_samples():
    network = nn.Linear(4, 3).double()
    x, y = batch(1201)
    function = NetworkLoss(network, x, y)
    loss, gradient = function(2.0 * function.theta)
    doubled = copy.deepcopy(network)
    with torch.no_grad():
        for values in doubled.parameters():
            values.mul_(2.0)
    expected = nn.functional.cross_entropy(doubled(x), y)
    expected_gradient = torch.autograd.grad(expected, doubled.weight)[0]
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    assert torch.allclose(gradient[:12], expected_gradient.flatten(), rtol=1e-12)


def test_bits_measured_by_hand_are_those_of_the_validation():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    x, y = batch()
    validation = measured(network, eps=1e-4).validation
    assert validation is not None

    def gradient(module: nn.Module) -> torch.Tensor:
        loss = nn.functional.cross_entropy(module(x), y)
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(module.parameters()))])

    exact = gradient(network)
    for name, dtype in (("float16", torch.float16), ("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        cast = copy.deepcopy(network).to(dtype).double()
        error = float((gradient(cast) - exact).norm() / exact.norm())
        assert validation.casts[name].gradient == pytest.approx(error, rel=1e-6)
        bits = {"float16": 11, "bfloat16": 8, "float32": 24}[name]
        assert validation.by_bits[bits - 1].gradient == pytest.approx(error, rel=1e-6)
    assert validation.gradient_bits is not None
    errors = [error.gradient for error in validation.by_bits]
    assert max(errors[validation.gradient_bits - 1 :]) <= 1e-4 < errors[validation.gradient_bits - 2]


def test_stored_bits_do_not_end_the_measurement():
    validation = measured(nn.Linear(4, 3), eps=1e-11).validation
    assert validation is not None
    assert validation.gradient_bits is not None
    assert validation.gradient_bits > 30


def test_the_network_at_initialisation_is_that_of_training():
    config = compose("method=baseline", "model.depth=3", "model.width=8", "dataset.samples=500", "seed=4")
    target = at_initialization(config)
    network = Trainer([config], target.splits).target_network(0)
    for mine, theirs in zip(target.network.parameters(), network.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_activations_are_the_outputs_of_every_layer_and_their_gradients_those_of_the_batch():
    first, second = nn.Linear(4, 6), nn.Linear(6, 3)
    network = nn.Sequential(nn.Flatten(), first, nn.ReLU(), second).double()
    x, y = batch()
    activations, gradients = traced(network, x, y)
    hidden = first(x)
    expected = [x, hidden, hidden.relu(), second(hidden.relu())]
    assert len(activations) == 4
    for value, wanted in zip(activations, expected, strict=True):
        assert torch.equal(value, wanted)
    p = expected[-1].softmax(dim=1) - nn.functional.one_hot(y, 3)
    assert torch.allclose(gradients[-1], p / len(y))


def test_the_outputs_of_a_layer_with_several_are_activations():
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells, self.head = nn.GRU(4, 3, batch_first=True), nn.Linear(3, 2)

        def forward(self, x):
            return self.head(self.cells(x)[0][:, -1])

    x, y = torch.randn(5, 6, 4), torch.tensor([0, 1, 0, 1, 0])
    activations, _ = traced(Recurrent(), x, y)
    assert [tuple(value.shape) for value in activations] == [(5, 6, 4), (5, 6, 3), (1, 5, 3), (5, 2)]


class Detached(torch.autograd.Function):
    """Its second derivative is left out without a trace in the graph."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * x.detach().cos()


@pytest.mark.parametrize("function", [OnceDifferentiable, Detached])
@pytest.mark.parametrize("other", [None, nn.Tanh, nn.ReLU])
def test_a_network_without_second_derivative_has_words_in_place_of_numbers(function, other):
    torch.manual_seed(0)
    activations = [(Sine(function) if other is None or layer == 1 else other()) for layer in range(3)]
    hidden = [part for one in activations for part in (nn.Linear(5, 5), one)]
    figures = measured(nn.Sequential(nn.Linear(4, 5), *hidden, nn.Linear(5, 3)).double())
    assert figures.curvature.value is figures.curvature.discrepancy is Missing.NO_SECOND_DERIVATIVE
    assert not figures.curvature.kinks
    assert set(figures.bounds.values()) == {Missing.NO_SECOND_DERIVATIVE}
    assert isinstance(figures.gradient, float)
    assert figures.validation is not None
    assert figures.validation.recommendation.dtype is not None
    text, content = text_and_json(figures)
    assert text.count("no second derivative") >= 5
    assert "kinks" not in text
    assert content["kappa"] == "no second derivative"


def relu_network(distance: float) -> nn.Sequential:
    """A network of which one unit switches at ``distance`` along its bias, for one sample."""
    torch.manual_seed(0)
    first = nn.Linear(4, 6).double()
    with torch.no_grad():
        first.bias[0] = -first.weight[0] @ batch()[0][0] - distance
    return nn.Sequential(first, nn.ReLU(), nn.Linear(6, 3).double())


# At 1e-9 the short steps meet no kink, at 0 all do.
@pytest.mark.parametrize("distance", [1e-9, 0.0])
def test_a_relu_network_near_kinks_has_a_value_and_the_discrepancy(distance):
    network = relu_network(distance)
    figures = measured(network)
    curvature = figures.curvature
    x, y = batch()
    flat = torch.cat([p.detach().flatten() for p in network.parameters()])

    def loss(theta: torch.Tensor) -> torch.Tensor:
        pieces = torch.split(theta, [p.numel() for p in network.parameters()])
        named = zip(network.named_parameters(), pieces, strict=True)
        values = {name: piece.view(own.shape) for (name, own), piece in named}
        return nn.functional.cross_entropy(functional_call(network, values, (x,)), y)

    exact = torch.linalg.eigvalsh(hessian_of(loss, flat)).abs().max()
    assert curvature.value == pytest.approx(float(exact), rel=1e-3)
    assert curvature.kinks
    assert isinstance(curvature.discrepancy, float)
    assert curvature.discrepancy > 0.1
    assert figures.recommendation.dtype is not None
    text, content = text_and_json(figures)
    assert "the loss has kinks nearby" in text
    assert content["curvature"]["discrepancy"] == curvature.discrepancy
    assert content["curvature"]["differences"] == curvature.differences
    assert f"over {curvature.step:g} give {curvature.differences:.4g} (" in text


def test_kinks_do_not_hide_a_derivative_that_is_left_out():
    network = nn.Sequential(relu_network(1e-9)[:2], nn.Linear(6, 6), Sine(Detached), nn.Linear(6, 3)).double()
    assert measured(network).curvature.value is Missing.NO_SECOND_DERIVATIVE


def test_a_relu_network_far_from_kinks_has_no_discrepancy():
    figures = measured(relu_network(0.1))
    assert not figures.curvature.kinks
    assert figures.curvature.discrepancy == pytest.approx(0.0, abs=1e-6)
    assert "kinks" not in text_and_json(figures)[0]


def test_parameters_that_are_not_finite_have_words_in_place_of_numbers():
    network = nn.Linear(4, 3).double()
    with torch.no_grad():
        network.weight[0, 0] = math.nan
    figures = measured(network)
    assert set(figures.bounds.values()) == {Missing.NOT_FINITE}
    assert (figures.recommendation.dtype, figures.validation) == (None, None)
    text, content = text_and_json(figures)
    assert "no format helps" in text
    assert content["loss"] == "not finite"


def test_a_zero_gradient_has_words_in_place_of_numbers():
    network = nn.Linear(4, 2).double()
    with torch.no_grad():
        network.weight.zero_()
        network.bias.fill_(1.0)
    figures = measured(network, (torch.ones(2, 4, dtype=torch.float64), torch.arange(2)))
    assert figures.gradient == 0.0
    assert figures.kappa is figures.bounds["relative"] is figures.bounds["published"] is Missing.ZERO_GRADIENT
    assert figures.bounds["absolute"] == pytest.approx(0.5 * math.log2(2.5 / EPS))  # |H| = (|x|^2 + 1)/2, D^2 = 2
    assert figures.bounds["absolute with slope"] == pytest.approx(figures.bounds["absolute"])
    assert figures.recommendation.dtype == "float16"
    assert "without the relative bound (zero gradient)" in figures.recommendation.reason
    text, content = text_and_json(figures)
    assert text.count("zero gradient") >= 6
    assert content["validation"]["by_bits"][0]["gradient"] is None


def test_parameters_that_are_all_zero_have_words_in_place_of_bits():
    network = nn.Linear(4, 2).double()
    with torch.no_grad():
        network.weight.zero_()
        network.bias.zero_()
    figures = measured(network, (torch.ones(1, 4).double(), torch.zeros(1).long()))
    assert set(figures.bounds.values()) == {Missing.ZERO_PARAMETERS}
    assert figures.validation is not None
    assert (figures.validation.gradient_bits, figures.validation.loss_bits) == (1, 1)
