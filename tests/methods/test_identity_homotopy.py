"""Identity homotopy: its two ends, the path between them, and what it must not touch."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.random_streams import initialization
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.methods.identity_homotopy import IdentityHomotopy, deformable, path_coefficients
from homotopy_bench.models.layers import Layer, keeps_shape
from tests.composing import compose
from tests.reference import skip_and_branch

PATHS: list[Any] = ["linear", "residual", "circular"]
VGG_LAYERS = {"vgg11": 4 + 2, "vgg13": 6 + 2, "vgg16": 9 + 2, "vgg19": 12 + 2}
"""Convolutions that keep their channels (Simonyan and Zisserman 2015, table 1), and the two linear layers of 512."""

INPUT = torch.randn(5, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def build(*overrides: str, shape: tuple[int, ...] = (40,)) -> nn.Module:
    with initialization(0):
        return compose(*overrides).model.build(shape, 10).double()


def network(depth: int = 6) -> nn.Module:
    return build(f"model.depth={depth}", "model.width=16", "model.init=kaiming")


def deformed(path: Any, t: float, depth: int = 6) -> tuple[Ensemble, nn.Module]:
    method, plain, copy = IdentityHomotopy(path=path), network(depth), network(depth)
    method.deform(copy)
    ensemble = Ensemble([copy], dtype=torch.float64)
    ensemble.assign(method.coefficients(torch.tensor([t], dtype=torch.float64), copy))
    return ensemble, plain


def outputs(ensemble: Ensemble) -> Tensor:
    return ensemble.forward(INPUT.unsqueeze(0))[0]


@pytest.mark.parametrize("path", PATHS)
def test_target_is_the_plain_network_bitwise(path: Any) -> None:
    ensemble, plain = deformed(path, 1.0)
    assert torch.equal(outputs(ensemble), plain(INPUT))


def test_linear_path_starts_without_its_hidden_layers() -> None:
    ensemble, plain = deformed("linear", 0.0)
    first, output = plain.get_submodule("hidden.0"), plain.get_submodule("output")
    torch.testing.assert_close(outputs(ensemble), output(first(INPUT)), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("path", PATHS[1:])
def test_other_paths_start_from_the_scaled_residual_network(path: Any) -> None:
    ensemble, plain = deformed(path, 0.0)
    first, *others = plain.get_submodule("hidden").children()
    hidden = first(INPUT)
    for layer in others:
        hidden = hidden + layer(hidden) / math.sqrt(5)
    torch.testing.assert_close(outputs(ensemble), plain.get_submodule("output")(hidden), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_coefficients_follow_their_table(path: Any, dtype: torch.dtype) -> None:
    t = torch.linspace(0, 1, 41, dtype=dtype)
    s, c = path_coefficients(path, t, depth=31)
    expected = torch.tensor([skip_and_branch(path, v, 31) for v in t.double().tolist()], dtype=torch.float64)
    tolerance = 4 * torch.finfo(dtype).eps
    torch.testing.assert_close(torch.stack([s, c], 1).double(), expected, rtol=0, atol=tolerance)
    assert (s[-1].item(), c[-1].item()) == (0.0, 1.0)
    assert ((s >= 0) & (s <= 1) & (c >= 0) & (c <= 1)).all()
    assert (s.diff() <= 0).all()
    assert (c.diff() >= 0).all()


def test_members_stand_at_their_own_points_of_the_path() -> None:
    method, members = IdentityHomotopy(path="circular"), [network(), network(), network()]
    for each in members:
        method.deform(each)
    ensemble = Ensemble(members, dtype=torch.float64)
    t = torch.tensor([0.0, 0.4, 1.0], dtype=torch.float64)
    ensemble.assign(method.coefficients(t, members[0]))
    together = ensemble.forward(INPUT.expand(3, *INPUT.shape))
    for member, value in enumerate(t.tolist()):
        alone = outputs(deformed("circular", value)[0])
        torch.testing.assert_close(together[member], alone, rtol=1e-13, atol=1e-13)


def test_gradient_in_float64_equals_finite_differences() -> None:
    ensemble, _ = deformed("residual", 0.37, depth=3)
    weights = torch.randn(5, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    ensemble.backward((outputs(ensemble) * weights).sum())
    step = 1e-6
    columns = torch.randperm(ensemble.theta.shape[1], generator=torch.Generator().manual_seed(5))[:60]
    for column in columns.tolist():
        value = ensemble.theta[0, column].item()
        sides = []
        for side in (value + step, value - step):
            ensemble.theta[0, column] = side
            with torch.no_grad():
                sides.append((outputs(ensemble) * weights).sum().item())
        ensemble.theta[0, column] = value
        expected = (sides[0] - sides[1]) / (2 * step)
        assert ensemble.gradient[0, column].item() == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_only_hidden_layers_that_keep_their_width_are_deformed() -> None:
    plain = network(depth=6)
    assert len(deformable(plain)) == 5
    assert plain.get_submodule("hidden.0") not in deformable(plain)


MODELS = [
    *[(("model=cnn", f"model.depth={depth}", "model.width=6"), depth - 1) for depth in (2, 3, 5)],
    *[((f"model={vgg}", "model.width=0.0625"), count) for vgg, count in VGG_LAYERS.items()],
]


@pytest.mark.parametrize(("overrides", "count"), MODELS, ids=[" ".join(overrides) for overrides, _ in MODELS])
def test_image_networks_are_deformed_where_channels_stay_equal(overrides: tuple[str, ...], count: int) -> None:
    plain = build(*overrides, shape=(3, 32, 32))
    layers = deformable(plain)
    assert len(layers) == count
    maps = [module for module in plain.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    for end in (maps[0], maps[-1]):
        assert all(layer.affine is not end for layer in layers)
    shapes: list[tuple[torch.Size, torch.Size]] = []
    for layer in layers:
        layer.register_forward_hook(lambda _, inputs, output: shapes.append((inputs[0].shape, output.shape)))
    plain(torch.randn(2, 3, 32, 32, dtype=torch.float64))
    assert len(shapes) == count
    assert all(before == after for before, after in shapes)


@pytest.mark.parametrize(
    ("overrides", "shape", "count"),
    [
        (("model.depth=4", "model.width=40"), (40,), 3),
        (("model=cnn", "model.depth=4", "model.width=3"), (3, 32, 32), 3),
        (("model=cnn", "model.depth=4", "model.width=1"), (40,), 3),
        (("model=vgg11", "model.width=0.05"), (3, 32, 32), VGG_LAYERS["vgg11"]),
    ],
    ids=["mlp", "cnn", "signals", "vgg11"],
)
def test_the_input_layer_is_not_deformed_where_it_keeps_the_shape(
    overrides: tuple[str, ...], shape: tuple[int, ...], count: int
) -> None:
    plain = build(*overrides, shape=shape)
    first = next(module for module in plain.modules() if isinstance(module, Layer))
    assert keeps_shape(first)
    assert first not in deformable(plain)
    assert len(deformable(plain)) == count


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shape", [(40,), (3, 16, 16)])
def test_a_deformed_convolutional_network_is_its_formula(path: Any, shape: tuple[int, ...]) -> None:
    method, network = IdentityHomotopy(path=path), build("model=cnn", "model.depth=4", "model.width=5", shape=shape)
    method.deform(network)
    ensemble = Ensemble([network], dtype=torch.float64)
    ensemble.assign(method.coefficients(torch.tensor([0.37], dtype=torch.float64), network))
    x = torch.randn(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    maps = [module for module in network.modules() if isinstance(module, nn.Conv1d | nn.Conv2d)]
    s, c = skip_and_branch(path, 0.37, depth=3)
    pool = functional.max_pool1d if len(shape) == 1 else functional.max_pool2d
    hidden = x.unsqueeze(1) if len(shape) == 1 else x
    for index, convolution in enumerate(maps):
        branch = torch.relu(convolution(hidden))
        hidden = branch if index == 0 else s * hidden + c * branch
        if index != 1:  # 4 layers, 3 poolings: after the first, the third and the last
            hidden = pool(hidden, 2)
    output = network.get_submodule("output")
    torch.testing.assert_close(ensemble.forward(x.unsqueeze(0))[0], output(hidden.flatten(1)), rtol=1e-12, atol=1e-12)


def test_convolutions_that_lose_the_border_are_refused() -> None:
    with pytest.raises(InputError, match=r"method=identity_homotopy: .*cnn padding=same too"):
        IdentityHomotopy().deform(build("model=cnn", "model.padding=valid", shape=(1, 28, 28)))


def test_parameters_keep_names_and_order() -> None:
    plain, copy = network(), network()
    IdentityHomotopy().deform(copy)
    assert [name for name, _ in copy.named_parameters()] == [name for name, _ in plain.named_parameters()]
    assert [name for name, _ in copy.named_buffers()] == ["homotopy.s", "homotopy.c"]


def test_a_network_without_such_a_layer_is_refused() -> None:
    with pytest.raises(InputError, match=r"method=identity_homotopy: .*depth >= 2"):
        IdentityHomotopy().deform(network(depth=1))


@pytest.mark.parametrize("t", [0.0, 0.37, 1.0])
def test_a_skip_before_the_activation_is_a_plain_network_at_every_t(t: float) -> None:
    ensemble, plain = deformed("preactivation", t)
    with torch.no_grad():
        for layer in deformable(plain):
            layer.affine.get_parameter("weight").add_(torch.eye(16), alpha=1.0 - t)
    torch.testing.assert_close(outputs(ensemble), plain(INPUT), rtol=1e-12, atol=1e-12)
    if t == 1.0:
        assert torch.equal(outputs(ensemble), plain(INPUT))


@pytest.mark.parametrize("order", ["shallow_first", "deep_first"])
@pytest.mark.parametrize("path", [*PATHS, "preactivation"])
def test_layers_move_one_after_the_other(path: Any, order: Any) -> None:
    """At t = 2.5/5 two layers of five have arrived, one is half way and two stand at 0."""
    method, network_, plain = IdentityHomotopy(path=path, order=order), network(), network()
    method.deform(network_)
    ensemble = Ensemble([network_], dtype=torch.float64)
    ensemble.assign(method.coefficients(torch.tensor([0.5], dtype=torch.float64), network_))
    own = [1.0, 1.0, 0.5, 0.0, 0.0] if order == "shallow_first" else [0.0, 0.0, 0.5, 1.0, 1.0]
    first, *layers = plain.get_submodule("hidden").children()
    hidden = first(INPUT)
    for layer, t in zip(layers, own, strict=True):
        if path == "preactivation":
            hidden = torch.relu(layer.get_submodule("affine")(hidden) + (1.0 - t) * hidden)
        else:
            s, c = skip_and_branch(path, t, 5)
            hidden = s * hidden + c * layer(hidden)
    expected = plain.get_submodule("output")(hidden)
    torch.testing.assert_close(outputs(ensemble), expected, rtol=1e-13, atol=1e-13)
    ensemble.assign(method.coefficients(torch.tensor([1.0], dtype=torch.float64), network_))
    assert torch.equal(outputs(ensemble), plain(INPUT))
