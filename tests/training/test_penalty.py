"""The penalties' gradient against autograd, on networks that have everything that must be left alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.training.penalty import weight_penalty
from tests.composing import compose

SMALL = ("model.depth=3", "model.width=4")
NETWORKS = {
    "mlp, batchnorm": ("method=baseline", "model=mlp", "model.block=batchnorm", *SMALL),
    "mlp, layernorm, trained angles": (
        *("method=convexity_annealing", "method.theta=per_neuron", "model=mlp", "model.block=layernorm", *SMALL),
    ),
    "mlp, rezero": ("method=baseline", "model=mlp", "model.block=rezero", *SMALL),
    "cnn, trained angles": ("method=convexity_annealing", "method.theta=per_neuron", "model=cnn", *SMALL),
}
L1, L2 = (0.0, 0.03, 0.2), (0.5, 0.0, 0.07)


def networks(case: str, count: int) -> list[nn.Module]:
    config = compose(*NETWORKS[case])
    built = []
    for seed in range(count):
        torch.manual_seed(seed)
        network = config.model.build((40,), 10).double()
        config.method.deform(network)
        for parameter in network.parameters():
            nn.init.normal_(parameter)
        built.append(network.double())
    return built


def expected_value(network: nn.Module, l1: float, l2: float) -> torch.Tensor:
    """The penalty of one network; its weights are found by the kinds of its modules."""
    maps = [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d)]
    return sum((l1 * one.weight.abs().sum() + l2 * one.weight.square().sum() for one in maps), torch.zeros(()))


def expected_gradient(network: nn.Module, l1: float, l2: float) -> torch.Tensor:
    """Autograd's gradient of the penalty of one network."""
    parameters = list(network.parameters())
    gradients = torch.autograd.grad(expected_value(network, l1, l2), parameters, materialize_grads=True)
    return torch.cat([gradient.flatten() for gradient in gradients])


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("case", NETWORKS)
def test_every_member_gets_the_gradient_of_its_own_penalty(case: str, members: int) -> None:
    expected = [
        expected_gradient(network, *rates)
        for network, *rates in zip(networks(case, members), L1[-members:], L2[-members:], strict=True)
    ]
    ensemble = Ensemble(networks(case, members), dtype=torch.float64)
    before = torch.randn_like(ensemble.gradient)
    ensemble.gradient.copy_(before)
    penalty = weight_penalty(ensemble, L1[-members:], L2[-members:])
    assert penalty is not None
    penalty.add_gradient()
    torch.testing.assert_close(ensemble.gradient - before, torch.stack(expected), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("case", NETWORKS)
def test_every_member_has_the_value_of_its_own_penalty(case: str, members: int) -> None:
    own = zip(networks(case, members), L1[-members:], L2[-members:], strict=True)
    expected = torch.stack([expected_value(*one).detach() for one in own])
    ensemble = Ensemble(networks(case, members), dtype=torch.float64)
    penalty = weight_penalty(ensemble, L1[-members:], L2[-members:])
    assert penalty is not None
    torch.testing.assert_close(penalty.values(), expected, rtol=1e-12, atol=0.0)


def test_a_weight_of_zero_has_no_direction() -> None:
    ensemble = Ensemble([nn.Linear(2, 1)])
    ensemble.theta.zero_()
    penalty = weight_penalty(ensemble, [1.0], [1.0])
    assert penalty is not None
    penalty.add_gradient()
    assert ensemble.gradient.tolist() == [[0.0, 0.0, 0.0]]


def test_without_rates_there_is_no_penalty() -> None:
    assert weight_penalty(Ensemble([nn.Linear(2, 1)] * 2), [0.0, 0.0], [0.0, 0.0]) is None
