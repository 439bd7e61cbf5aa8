"""Ordinary networks of PyTorch's own modules: what a dry run finds in them, and how methods deform it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from homotopy_bench.core.errors import InputError
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.methods.base import Method
from homotopy_bench.methods.convexity_annealing import ConvexityAnnealing
from homotopy_bench.methods.identity_homotopy import IdentityHomotopy
from homotopy_bench.methods.skip_multipliers import SkipMultipliers
from homotopy_bench.models.module import Module
from homotopy_bench.models.ordinary import shape_keeping, watched
from homotopy_bench.training.deformation import EnsembleMethod


class Mixer(nn.Module):
    """Mix tokens and channels (Tolstikhin et al. 2021): two blocks that keep (B, tokens, channels)."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(6)
            self.tokens = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))
            self.channels = nn.Sequential(nn.Linear(6, 12), nn.GELU(), nn.Linear(12, 6))

        def forward(self, x: Tensor) -> Tensor:
            x = x + self.tokens(self.norm(x).mT).mT
            output: Tensor = x + self.channels(self.norm(x))
            return output

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(4, 6)
        self.blocks = nn.Sequential(Mixer.Block(), Mixer.Block())
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.head(self.blocks(self.embed(x.reshape(-1, 4, 4))).mean(1))
        return output


class Functional(nn.Module):
    """Has no module of an activation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(16, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.last(functional.relu(self.first(x.flatten(1))))
        return output


def perceptron() -> nn.Module:
    """One activation stands under two names."""
    relu = nn.ReLU(inplace=True)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), relu, nn.Linear(8, 8), relu, nn.Linear(8, 3))


class Tied(nn.Module):
    """Uses a weight twice, and a module under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again, self.last = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 3)
        self.again.weight = self.first.weight
        self.norm = self.other = nn.BatchNorm1d(16)
        mask = torch.ones(())
        for module in (self.first, self.again):
            module.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        x = self.other(self.again.get_buffer("mask") * self.again(self.norm(self.first(x.flatten(1)))))
        output: Tensor = self.last(x)
        return output


class Preactivated(nn.Module):
    """Overwrites its input where its activation does."""

    def __init__(self, inplace: bool) -> None:
        super().__init__()
        self.relu, self.map = nn.ReLU(inplace), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.map(self.relu(x))
        return output


def blocks(inplace: bool) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), Preactivated(inplace), nn.Linear(8, 3))


class Skip(nn.Sequential):
    """Has a forward of its own."""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return x + y


def chain() -> nn.Module:
    """Stacks what vmap is not needed for, but for what a subclass, a repetition and a missing factor change."""
    same = nn.Linear(16, 16)
    norms = nn.LayerNorm(16, bias=False), nn.LayerNorm(16, elementwise_affine=False)
    return nn.Sequential(nn.Flatten(), Skip(same, nn.Tanh()), same, nn.Identity(), same, *norms, nn.Linear(16, 3))


class Dropping(nn.Module):
    def __init__(self, drop: nn.Module) -> None:
        super().__init__()
        self.drop, self.last = drop, nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.last(self.drop(x.flatten(1)))
        return output


class Refusing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            raise TypeError("not in training")
        return x


def frozen() -> nn.Module:
    network = Functional()
    network.first.weight.requires_grad_(False)
    return network


def build(make: Any, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return Module.of(make).build((1, 4, 4), 3)


def repeated() -> nn.Module:
    """Runs one module twice, in a chain that is stacked."""
    same = nn.Linear(16, 16)
    return nn.Sequential(nn.Flatten(), same, nn.Identity(), same, nn.Linear(16, 3))


@pytest.mark.parametrize("make", [Tied, chain, repeated])
@pytest.mark.parametrize("members", [1, 3])
def test_modules_and_parameters_under_several_names_are_one(make: Any, members: int) -> None:
    networks = [build(make, seed).double() for seed in range(members)]
    alone = [copy.deepcopy(network) for network in networks]
    ensemble, x = Ensemble(networks, dtype=torch.float64), torch.randn(members, 5, 1, 4, 4, dtype=torch.float64)
    ensemble.theta *= 0.7
    with torch.no_grad():
        for network in alone:
            for parameter in network.parameters():
                parameter.mul_(0.7)
    outputs = ensemble.forward(x)
    ensemble.backward(outputs.square().sum())
    for member, network in enumerate(alone):
        expected = network(x[member])
        torch.testing.assert_close(outputs[member], expected)
        gradients = torch.autograd.grad(expected.square().sum(), list(network.parameters()))
        torch.testing.assert_close(ensemble.gradient[member], torch.cat([one.flatten() for one in gradients]))
        again = build(make, 9).double()
        again.load_state_dict(ensemble.member_state(member, list(network.state_dict())))
        torch.testing.assert_close(again.eval()(x[member]), network.eval()(x[member]))
    merged = ensemble.merged([slice(0, 1)])
    torch.testing.assert_close(merged.forward(x[:1]), outputs[:1])


def test_masks_of_dropout_are_those_of_seed_and_step() -> None:
    first, second = (build(lambda: Dropping(nn.Dropout(0.5))) for _ in range(2))
    assert first.state_dict().keys() == {"last.weight", "last.bias"}
    assert first.get_submodule("drop").p == 0.5
    x = torch.ones(40, 16)
    for _ in range(2):
        outputs = first(x)
        torch.rand(1)  # what others draw does not show
        assert torch.equal(second(x), outputs)
        assert len(outputs.unique(dim=0)) > 30
    assert not torch.equal(first(x), outputs)
    assert torch.equal(first.eval()(x), nn.functional.linear(x, *first.get_submodule("last").parameters()))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (frozen, "its parameter first.weight requires no gradient"),
        (lambda: Dropping(nn.RReLU()), "draws random numbers in training which no seed sets"),
        (lambda: Dropping(nn.AlphaDropout()), "draws random numbers"),
        (lambda: Dropping(Refusing()), "raises TypeError: not in training in training mode"),
    ],
)
def test_what_would_not_be_trained_as_it_is_written_is_refused(make: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        build(make)


def test_what_keeps_its_shape() -> None:
    assert shape_keeping(build(perceptron)) == ["3"]
    assert shape_keeping(build(Mixer)) == ["blocks.0", "blocks.1"]
    assert shape_keeping(build(Functional)) == []
    assert shape_keeping(build(lambda: blocks(inplace=True))) == ["2.map"], "the block overwrites its input"
    assert shape_keeping(build(lambda: blocks(inplace=False))) == ["2"]


def test_a_dry_run_leaves_a_network_as_it_was() -> None:
    network = build(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3)))
    network.get_submodule("1").eval()
    before = copy.deepcopy(network.state_dict())
    assert list(watched(network)) == ["", "0", "1", "2", "3"]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert [module.training for module in network.children()] == [True, False, True, True]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


def test_a_blended_submodule_is_its_formula() -> None:
    network = build(perceptron)
    deformed = copy.deepcopy(network)
    method = IdentityHomotopy(path="linear")
    method.deform(deformed)
    for name, value in method.coefficients(torch.tensor([0.25]), deformed).items():
        deformed.get_buffer(name).copy_(value[0])
    x = torch.randn(5, 1, 4, 4)
    flatten, first, middle, last = (network.get_submodule(name) for name in "0135")
    y = functional.relu(first(flatten(x)))
    y = functional.relu(0.75 * y + 0.25 * middle(y))
    torch.testing.assert_close(deformed(x), last(y))


def test_members_with_named_layers_have_their_own_paths() -> None:
    network = build(perceptron)
    members = [IdentityHomotopy(path=path, layers=["3"]) for path in ("linear", "circular", "linear")]
    method, t = EnsembleMethod(members, torch.device("cpu")), torch.tensor([0.2, 0.5, 0.7])
    method.lead.deform(network)
    for name, values in method.coefficients(t, network).items():
        for index, member in enumerate(members):
            expected = member.coefficients(t[index : index + 1], network)[name][0]
            torch.testing.assert_close(values[index], expected)


def test_a_bent_activation_is_its_formula() -> None:
    network = build(perceptron)
    deformed = copy.deepcopy(network)
    method = ConvexityAnnealing(form="literal")
    method.deform(deformed)
    for name, value in method.coefficients(torch.tensor([0.5]), deformed).items():
        deformed.get_buffer(name).copy_(value[0])
    x, slope = torch.randn(5, 1, 4, 4), float(torch.tensor(torch.pi / 8).tan())
    y = x
    for module in network._modules.values():
        assert module is not None
        y = functional.leaky_relu(y, slope) if isinstance(module, nn.ReLU) else module(y)
    torch.testing.assert_close(deformed(x), y)


@pytest.mark.parametrize(
    ("make", "method"),
    [
        (perceptron, IdentityHomotopy()),
        (Mixer, IdentityHomotopy()),
        (perceptron, ConvexityAnnealing()),
        (perceptron, ConvexityAnnealing(theta="shared")),
        (perceptron, IdentityHomotopy(layers=["3"])),
        (Mixer, IdentityHomotopy(layers=["blocks.*.norm", "blocks.1"])),
    ],
)
def test_members_equal_their_modules(make: Any, method: Method) -> None:
    networks = [build(make, seed).double() for seed in range(3)]
    for network in networks:
        method.deform(network)
    alone = [copy.deepcopy(network) for network in networks]
    t = torch.tensor([0.2, 0.6, 1.0], dtype=torch.float64)
    ensemble, values = Ensemble(networks, dtype=torch.float64), method.coefficients(t, networks[0])
    ensemble.assign(values)
    x = torch.randn(3, 5, 1, 4, 4, dtype=torch.float64)
    for member, network in enumerate(alone):
        for name, value in values.items():
            network.get_buffer(name).copy_(value[member])
        torch.testing.assert_close(ensemble.forward(x)[member], network(x[member]))


@pytest.mark.parametrize("method", [IdentityHomotopy(), IdentityHomotopy(path="linear"), ConvexityAnnealing()])
def test_at_t_1_it_is_the_target_bitwise(method: Method) -> None:
    network = build(perceptron)
    deformed = copy.deepcopy(network)
    method.deform(deformed)
    for name, value in method.coefficients(torch.ones(1), deformed).items():
        deformed.get_buffer(name).copy_(value[0])
    x = torch.randn(64, 1, 4, 4)
    results = [one(x) for one in (network, deformed)]
    assert torch.equal(*results)
    for result in results:
        result.square().sum().backward()
    ours = dict(deformed.named_parameters())
    assert all(torch.equal(ours[name].grad, value.grad) for name, value in network.named_parameters())  # type: ignore[arg-type]


REFUSED: dict[str, tuple[Any, Method, str]] = {
    "nothing to blend": (Functional, IdentityHomotopy(), "method=identity_homotopy: the model has no hidden layer"),
    "nothing to bend": (
        Functional,
        ConvexityAnnealing(),
        "method=convexity_annealing: the network has no nn.ReLU, and a functional relu cannot be found; accepted",
    ),
    "another activation": (Mixer, ConvexityAnnealing(), "the network has no nn.ReLU"),
    "neurons": (
        perceptron,
        ConvexityAnnealing(theta="per_neuron"),
        "method.theta=per_neuron: it needs mlp, cnn or vgg",
    ),
    "skips of a network from outside": (
        Mixer,
        SkipMultipliers(rate=0.1),
        "of a network from outside it knows none; accepted: mlp",
    ),
    "no such name": (Mixer, IdentityHomotopy(layers=["block*"]), "'block*' is"),
    "another shape": (
        perceptron,
        IdentityHomotopy(layers=["1"]),
        "'1' maps [2, 16] to [2, 8]; accepted: submodules that",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_deformed_is_said(case: str) -> None:
    make, method, expected = REFUSED[case]
    if case == "no such name":
        method, expected = IdentityHomotopy(layers=["stages.*"]), "method.layers=stages.*: 'stages.*' is the name of no"
    with pytest.raises(InputError) as refused:
        method.deform(build(make))
    assert expected in str(refused.value)
