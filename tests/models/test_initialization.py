"""Initial values: the distributions they are drawn from and what the networks then compute."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from homotopy_bench.core.random_streams import initialization
from tests.composing import compose


def build(init: str, *, depth: int = 32, width: int = 64, seed: int = 0) -> nn.Module:
    model = compose("method=baseline", f"model.init={init}", f"model.depth={depth}", f"model.width={width}").model
    with initialization(seed):
        return model.build((40,), 10).double()


def maps(network: nn.Module) -> list[nn.Linear]:
    return [module for module in network.modules() if isinstance(module, nn.Linear)]


def test_shapes_and_depth() -> None:
    shapes = [tuple(layer.weight.shape) for layer in maps(build("kaiming", depth=5, width=12))]
    assert shapes == [(12, 40), (12, 12), (12, 12), (12, 12), (12, 12), (10, 12)]


def test_default_is_what_pytorch_draws() -> None:
    from homotopy_bench.core.random_streams import stream_seed

    torch.manual_seed(stream_seed(4, "initialization"))
    sizes = [40, 8, 8, 8]
    reference = [nn.Linear(a, b) for a, b in pairwise(sizes)] + [nn.Linear(8, 10)]
    for ours, plain in zip(maps(build("default", depth=3, width=8, seed=4)), reference, strict=True):
        assert torch.equal(ours.weight, plain.weight.double())
        assert torch.equal(ours.bias, plain.bias.double())


def test_kaiming_has_its_variance_and_no_bias() -> None:
    layers = maps(build("kaiming", width=128))
    hidden = torch.stack([layer.weight for layer in layers[1:-1]])
    count = hidden.numel()
    # The sample variance of n normal values has standard deviation sigma^2 sqrt(2/n).
    assert abs(hidden.var().item() / (2 / 128) - 1) < 5 * (2 / count) ** 0.5
    assert all(torch.equal(layer.bias, torch.zeros_like(layer.bias)) for layer in layers)


def test_glorot_has_its_bounds_and_variance() -> None:
    model = compose("method=baseline", "model=cnn", "model.init=glorot", "model.width=64").model
    with initialization(0):
        network = model.build((3, 32, 32), 10)
    _, middle, _, output = (m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear))
    for layer, fans in ((middle, 2 * 64 * 9), (output, 64 * 16 + 10)):
        bound = (6 / fans) ** 0.5
        assert 0.999 * bound < layer.weight.abs().max().item() <= bound
        # The sample variance of n uniform values has standard deviation sigma^2 sqrt(0.8/n).
        assert abs(layer.weight.var().item() / (2 / fans) - 1) < 5 * (0.8 / layer.weight.numel()) ** 0.5
        assert layer.bias is not None
        assert not layer.bias.any()


@pytest.mark.parametrize("width", [8, 64])
def test_orthogonal_matrices_have_gain_sqrt_2(width: int) -> None:
    for layer in maps(build("orthogonal", depth=4, width=width))[1:-1]:
        product = layer.weight @ layer.weight.T
        torch.testing.assert_close(product, 2 * torch.eye(width, dtype=torch.float64), rtol=0, atol=1e-6)


@pytest.mark.parametrize("depth", [1, 2, 32])
def test_looks_linear_networks_are_linear_isometries_up_to_the_output(depth: int) -> None:
    network = build("looks_linear", depth=depth, width=96)
    x = torch.randn(7, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.randn(7, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(network(2 * x - 3 * y), 2 * network(x) - 3 * network(y), rtol=0, atol=1e-5)
    hidden = network.get_submodule("hidden")(x)
    halves = hidden[:, :48] - hidden[:, 48:]
    torch.testing.assert_close(halves.norm(dim=1), x.norm(dim=1), rtol=1e-5, atol=0)


def test_seeds_give_different_networks_and_leave_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    first, again, other = build("kaiming", seed=1), build("kaiming", seed=1), build("kaiming", seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(maps(first)[3].weight, maps(again)[3].weight)
    assert not torch.equal(maps(first)[3].weight, maps(other)[3].weight)


def test_a_mean_preserving_start_is_orthogonal_and_keeps_the_mean() -> None:
    for layer in maps(build("mean_preserving", depth=3, width=24)):
        rows, columns = layer.weight.shape
        small = min(rows, columns)
        weight = layer.weight if rows <= columns else layer.weight.T
        torch.testing.assert_close(weight @ weight.T, torch.eye(small, dtype=torch.float64), rtol=0, atol=1e-6)
        mean = torch.full((columns,), columns**-0.5, dtype=torch.float64)
        expected = torch.full((rows,), rows**-0.5, dtype=torch.float64)
        torch.testing.assert_close(layer.weight @ mean, expected, rtol=0, atol=1e-6)
    first, other = (maps(build("mean_preserving", seed=seed))[1].weight for seed in (1, 2))
    assert not torch.allclose(first, other)


def test_no_unit_of_a_deep_narrow_network_is_dead_at_a_mean_preserving_start() -> None:
    """Where an orthogonal start leaves units that are 0 for all samples."""
    x = torch.randn(200, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    dead = {
        init: int((build(init, depth=24, width=12).get_submodule("hidden")(x) == 0).all(dim=0).sum())
        for init in ("orthogonal", "mean_preserving")
    }
    assert dead["orthogonal"] > dead["mean_preserving"] == 0
