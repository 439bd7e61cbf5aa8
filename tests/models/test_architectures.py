"""Architectures: shapes, blocks against their formulas, and dropout from a stream of each member's own."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from homotopy_bench.core.errors import InputError
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.models.dropout import Dropout, uniform
from homotopy_bench.models.layers import Layer
from tests.composing import compose

X = torch.randn(6, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def build(*overrides: str, shape: tuple[int, ...] = (40,)) -> nn.Module:
    torch.manual_seed(0)
    return compose("method=baseline", *overrides).model.build(shape, 10).double()


def affine(layer: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(layer, Layer)
    assert isinstance(layer.affine, nn.Linear)
    return functional.linear(x, layer.affine.weight, layer.affine.bias)


@pytest.mark.parametrize("block", ["plain", "batchnorm", "layernorm", "residual", "scaled_residual", "rezero"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "gelu"])
def test_blocks_are_their_formulas(block: str, activation: str) -> None:
    network = build("model.depth=4", "model.width=8", f"model.block={block}", f"model.activation={activation}")
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "relu": functional.relu,
        "leaky_relu": functional.leaky_relu,
        "tanh": torch.tanh,
        "gelu": functional.gelu,
    }
    act = functions[activation]
    for name, parameter in network.named_parameters():
        if name.endswith("scale"):
            parameter.data.fill_(0.3)
    first, *others = network.get_submodule("hidden").children()

    def normalised(z: Tensor) -> Tensor:
        if block == "batchnorm":
            return (z - z.mean(0)) / (z.var(0, unbiased=False) + 1e-5).sqrt()
        if block == "layernorm":
            return (z - z.mean(1, keepdim=True)) / (z.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        return z

    hidden = act(normalised(affine(first, X)))
    for layer in others:
        branch = act(normalised(affine(layer, hidden)))
        skip = {"residual": 1.0, "scaled_residual": 1 / math.sqrt(3), "rezero": 0.3}
        hidden = hidden + skip[block] * branch if block in skip else branch
    expected = network.get_submodule("output")(hidden)
    torch.testing.assert_close(network(X), expected, rtol=1e-11, atol=1e-11)


def test_rezero_starts_as_the_identity() -> None:
    network = build("model.depth=4", "model.width=8", "model.block=rezero")
    first, *others = network.get_submodule("hidden").children()
    hidden = first(X)
    for layer in others:
        assert torch.equal(layer(hidden), hidden)


@pytest.mark.parametrize("depth", [1, 2, 3, 7, 12])
@pytest.mark.parametrize("shape", [(40,), (1, 28, 28), (3, 32, 32)])
def test_cnn_takes_signals_and_images(depth: int, shape: tuple[int, ...]) -> None:
    network = build("model=cnn", f"model.depth={depth}", "model.width=4", shape=shape)
    x = torch.randn(2, *shape, dtype=torch.float64)
    assert network(x).shape == (2, 10)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv1d | nn.Conv2d)]
    poolings = [m for m in network.modules() if isinstance(m, nn.MaxPool1d | nn.MaxPool2d)]
    assert (len(convolutions), len(poolings)) == (depth, min(depth, 3))


def test_samples_too_small_for_the_poolings_are_refused() -> None:
    with pytest.raises(InputError, match=r"samples of shape \(1, 4, 4\) are too small for 3 conv.* and 3 poolings"):
        build("model=cnn", shape=(1, 4, 4))
    build("model=cnn", shape=(1, 8, 8))
    valid = ("model=cnn", "model.padding=valid", "model.width=2")
    with pytest.raises(InputError, match=r"samples of shape \(1, 21, 21\) are too small for 3 .* padding=valid"):
        build(*valid, shape=(1, 21, 21))
    assert build(*valid, shape=(1, 22, 22)).get_submodule("output").in_features == 2


def source_network(network: nn.Module, x: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
    """The network of the convexity-annealing source, which pools before the activation, with our parameters."""
    for layer in network.get_submodule("hidden").children():
        if isinstance(layer, Layer):
            assert isinstance(layer.affine, nn.Conv2d)
            x = activation(functional.max_pool2d(functional.conv2d(x, layer.affine.weight, layer.affine.bias), 2))
    output = network.get_submodule("output")
    assert isinstance(output, nn.Linear)
    return functional.linear(x.flatten(1), output.weight, output.bias)


@pytest.mark.parametrize("theta", [0.0, 0.4, math.pi / 4])
def test_the_experiments_have_the_network_of_their_source(theta: float) -> None:
    config = compose("experiment=convexity_annealing_scheduled")
    torch.manual_seed(0)
    network = config.model.build((1, 28, 28), 10).double()
    shapes = [tuple(parameter.shape) for parameter in network.parameters()]
    assert shapes == [(16, 1, 4, 4), (16,), (16, 16, 3, 3), (16,), (16, 16, 3, 3), (16,), (10, 16), (10,)]
    x = torch.randn(5, 1, 28, 28, dtype=torch.float64)
    weights = list(network.parameters())
    expected = source_network(network, x, lambda z: torch.maximum(z, math.tan(theta) * z))
    theirs = torch.autograd.grad(expected.square().sum(), weights)
    config.method.deform(network)
    t = torch.tensor([1 - theta / (math.pi / 4)], dtype=torch.float64)
    ensemble = Ensemble([network], dtype=torch.float64)
    ensemble.assign(config.method.coefficients(t, network))
    ours = ensemble.forward(x.unsqueeze(0))[0]
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)
    ensemble.backward(ours.square().sum())
    flat = torch.cat([gradient.flatten() for gradient in theirs])
    torch.testing.assert_close(ensemble.gradient[0, : ensemble.target_size], flat, rtol=1e-11, atol=1e-11)


def test_even_kernels_have_no_middle_to_pad_around() -> None:
    for name in ("first_kernel", "kernel"):
        with pytest.raises(InputError, match=rf"^model=cnn: .*{name} must be odd, not 4"):
            build("model=cnn", f"model.{name}=4", shape=(1, 28, 28))
    network = build("model=cnn", "model.first_kernel=5", "model.kernel=1", "model.depth=2", shape=(1, 28, 28))
    sides = [m.kernel_size for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert sides == [(5, 5), (1, 1)]


@pytest.mark.parametrize(("name", "convolutions"), [("vgg11", 8), ("vgg13", 10), ("vgg16", 13), ("vgg19", 16)])
def test_vgg_has_its_layers(name: str, convolutions: int) -> None:
    network = build(f"model={name}", "model.width=0.05", shape=(3, 32, 32))
    found = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert (len(found), len(linear)) == (convolutions, 3)
    assert network(torch.randn(2, 3, 32, 32, dtype=torch.float64)).shape == (2, 10)


def test_vgg_sizes_are_the_papers() -> None:
    # Table 2 of the paper counts 133 million for VGG-11 with linear layers of 4096 on 224x224; the convolutions alone,
    # the same here, have 9.2 million, and two linear layers of 512 with the logits add 0.53 million.
    network = build("model=vgg11", "model.batchnorm=false", shape=(3, 32, 32))
    assert sum(p.numel() for p in network.parameters()) == 9_220_480 + 2 * (512 * 512 + 512) + 5130


def test_small_images_are_padded_and_others_refused() -> None:
    network = build("model=vgg11", "model.width=0.05", shape=(1, 28, 28)).eval()
    image = torch.randn(1, 1, 28, 28, dtype=torch.float64)
    padded = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    padded[:, :, :28, :28] = image
    larger = build("model=vgg11", "model.width=0.05", shape=(1, 32, 32)).eval()
    assert torch.equal(network(image), larger(padded))
    for shape in [(40,), (3, 64, 64)]:
        with pytest.raises(InputError, match="images of at most 32x32"):
            build("model=vgg11", shape=shape)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    torch.manual_seed(1)
    layer = Dropout(0.3)
    ones = torch.ones(400, 500)
    out = layer(ones)
    dropped = (out == 0).double().mean().item()
    assert abs(dropped - 0.3) < 5 * math.sqrt(0.3 * 0.7 / ones.numel())
    assert torch.equal(out[out != 0], torch.full_like(out[out != 0], 1 / 0.7))
    assert not torch.equal(layer(ones), out)
    assert torch.equal(layer.eval()(ones), ones)


def test_the_numbers_are_uniform_and_uncorrelated() -> None:
    draws = uniform(torch.tensor(5), torch.arange(200_000)).double()
    counts = torch.histc(draws, bins=100, min=0, max=1)
    chi_squared = ((counts - 2000) ** 2 / 2000).sum().item()
    assert 50 < chi_squared < 160  # 99 degrees of freedom: outside with probability 1e-4
    for key in (6, 5 + 2**40):
        other = uniform(torch.tensor(key), torch.arange(200_000)).double()
        assert abs(torch.corrcoef(torch.stack([draws, other]))[0, 1].item()) < 5 / math.sqrt(200_000)
    neighbours = torch.corrcoef(torch.stack([draws[1:], draws[:-1]]))[0, 1].item()
    assert abs(neighbours) < 5 / math.sqrt(200_000)


def test_a_members_dropout_does_not_depend_on_its_neighbours() -> None:
    def network(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(40, 30), Dropout(0.4), nn.Linear(30, 4), Dropout(0.5)).double()

    together = Ensemble([network(seed) for seed in (1, 2, 3)], dtype=torch.float64)
    for seed in (1, 2, 3):
        alone = Ensemble([network(seed)], dtype=torch.float64)
        for _ in range(seed):  # each pass draws a new mask, and a member keeps its own count
            single = alone.forward(X.unsqueeze(0))
    for _ in range(3):
        outputs = together.forward(X.expand(3, *X.shape))
    torch.testing.assert_close(outputs[2], single[0], rtol=1e-12, atol=1e-12)
    assert torch.equal(outputs[2] == 0, single[0] == 0)
