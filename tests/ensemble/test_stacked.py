"""Stacked networks are what vmap makes of one network, in values and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from homotopy_bench.ensemble.affine import affine, relu_layers
from homotopy_bench.ensemble.stacked import stack
from tests.cases import CASES, METHODS, MODELS
from tests.composing import compose
from tests.training_runs import begin, trained

STACKED = (
    "default",
    "kaiming",
    "orthogonal",
    "residual",
    "scaled-residual",
    "rezero",
    "looks-linear",
    "small-residual",
    "dirac",
    "dirac-normalized",
    "identity",
    "tailored",
)
MLPS = [case for case in CASES if case.split("/")[1] in [f"mlp-{kind}" for kind in STACKED]]


def ensemble(case: str) -> tuple[nn.Module, dict[str, Tensor], dict[str, Tensor], Tensor]:
    """Three members in the middle of their paths, with parameters that are nowhere 0."""
    training = begin(*((*CASES[case], f"seed={seed}") for seed in range(3)))
    members = training.ensemble
    torch.manual_seed(0)
    members.theta.add_(0.1 * torch.randn_like(members.theta))
    t = torch.linspace(0.2, 0.9, members.members, dtype=torch.float64)
    members.assign(training.method.coefficients(t, members.network))
    x = torch.randn(members.members, 7, 40, dtype=torch.float64)
    return members.network, members.parameters, members.buffers, x


@pytest.mark.parametrize("case", MLPS)
def test_values_and_gradients_are_those_of_vmap(case: str) -> None:
    network, parameters, buffers, x = ensemble(case)
    forward = stack(network, {**parameters, **buffers})
    assert forward is not None
    expected = vmap(lambda p, b, x: functional_call(network, (p, b), (x,)))(parameters, buffers, x)
    weights = torch.randn_like(expected)
    tensors = list(parameters.values())
    for ours, theirs in zip(
        [forward(x), *torch.autograd.grad((forward(x) * weights).sum(), tensors, materialize_grads=True)],
        [expected, *torch.autograd.grad((expected * weights).sum(), tensors, materialize_grads=True)],
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("model", [name for name in MODELS if name not in {f"mlp-{kind}" for kind in STACKED}])
def test_other_networks_are_left_to_vmap(model: str) -> None:
    data = "cifar10" if model == "vgg11" else "mnist" if model == "cnn-image" else "mnist1d"
    shape = {"mnist1d": (40,), "mnist": (1, 28, 28), "cifar10": (3, 32, 32)}[data]
    network = compose(*METHODS["baseline"], *MODELS[model]).model.build(shape, 10)
    assert stack(network, dict(network.named_parameters())) is None


@pytest.mark.parametrize("biased", [True, False])
def test_gradients_are_those_of_finite_differences(biased: bool) -> None:
    torch.manual_seed(1)
    x = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
    shapes = [(2, 4, 3), (2, 4, 4), (2, 2, 4)]
    weights = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    biases = [torch.randn(2, shape[1], dtype=torch.float64, requires_grad=True) if biased else None for shape in shapes]
    own = [bias for bias in biases if bias is not None]
    assert torch.autograd.gradcheck(
        lambda x, *_: relu_layers(x, list(zip(weights, biases, strict=True))), (x, *weights, *own)
    )
    assert torch.autograd.gradcheck(lambda x, *_: affine(x, weights[0], biases[0]), (x, *weights[:1], *own[:1]))


def test_a_second_derivative_is_refused() -> None:
    x = torch.ones(1, 1, 1, requires_grad=True)
    (gradient,) = torch.autograd.grad(relu_layers(x, [(x, None)]).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        torch.autograd.backward(gradient.sum())


def test_a_broken_member_stays_broken() -> None:
    x, weight = torch.tensor([[[float("nan")]], [[1.0]]]), torch.ones(2, 1, 1)
    y = relu_layers(x, [(weight, None), (weight, None)])
    assert y.isnan().flatten().tolist() == [True, False]


def test_mixed_precision_is_that_of_the_module() -> None:
    torch.manual_seed(2)
    networks = [nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 3)) for _ in range(2)]
    tensors = {
        name: torch.stack([dict(network.named_parameters())[name].detach() for network in networks]).requires_grad_()
        for name, _ in networks[0].named_parameters()
    }
    forward, x = stack(networks[0], tensors), torch.randn(2, 4, 6)
    assert forward is not None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = forward(x)
        expected = torch.stack([network(own) for network, own in zip(networks, x, strict=True)])
    assert ours.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(ours, expected, rtol=2e-2, atol=2e-2)
    torch.autograd.grad(ours.float().sum(), list(tensors.values()))


@pytest.mark.parametrize("method", ["baseline", "identity-circular", "convexity-preserving"])
def test_first_losses_in_float32_are_those_of_separate_runs(method: str) -> None:
    shared = (*METHODS[method], "model=mlp", "dataset=mnist1d", "dataset.samples=500", "training.batch_size=32")
    runs = [(*shared, "model.depth=16", "training.epochs=5", "optimizer=adam", f"seed={seed}") for seed in range(3)]
    together = begin(*runs)
    alone = [begin(run) for run in runs]
    for _ in range(20):
        for training in (together, *alone):
            training.advance()
        losses = [training.meters.pop_train_loss()[0] for training in alone]
        assert together.meters.pop_train_loss() == pytest.approx(losses, rel=1e-5)


def test_the_ensemble_is_the_network_at_evaluation_too() -> None:
    training = trained(*((*CASES["baseline/mlp-rezero/mnist1d"], f"seed={seed}") for seed in range(2)), steps=3)
    alone = [trained((*CASES["baseline/mlp-rezero/mnist1d"], f"seed={seed}"), steps=3) for seed in range(2)]
    for ours, theirs in zip(training.evaluate("test"), alone, strict=True):
        assert ours.accuracy == theirs.evaluate("test")[0].accuracy
