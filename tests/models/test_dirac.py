"""Maps written as identity and correction: their formula, their starts, and the ordinary network they fold into."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.random_streams import initialization
from homotopy_bench.models.dirac import Dirac, Normalized, fold
from homotopy_bench.models.layers import Layer
from homotopy_bench.results.trained import load_run
from homotopy_bench.runs.run import train
from tests.composing import compose

MLP = ("model.depth=5", "model.width=40")
CNN = ("model=cnn", "model.depth=4", "model.width=6")
SHAPES = [
    (MLP, (40,)),
    (CNN, (40,)),
    (CNN, (3, 16, 16)),
    ((*CNN, "model.kernel=4", "model.padding=valid"), (3, 40, 40)),
]


def build(*overrides: str, shape: tuple[int, ...] = (40,)) -> nn.Module:
    with initialization(0):
        return compose("method=baseline", *overrides).model.build(shape, 10).double()


def disturbed(network: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, dtype=torch.float64, generator=generator))
    return network


def layer_by_formula(affine: Any, x: torch.Tensor) -> torch.Tensor:
    """Return W x + b where the identity is not part of a kernel, but the input itself."""
    plain: Any = {2: functional.linear, 3: functional.conv1d, 4: functional.conv2d}[x.dim()]
    weight: torch.Tensor = affine.weight
    across = (-1, *[1] * (x.dim() - 2))
    a, b = torch.ones(len(weight)).double(), torch.ones(len(weight)).double()
    if isinstance(affine, Normalized):
        weight, a, b = torch.stack([row / row.square().sum().sqrt() for row in weight]), affine.a, affine.b
    if x.dim() == 2:
        y: torch.Tensor = a * x + b * plain(x, weight) + affine.bias
        return y
    through = x
    if affine.padding == "valid":
        for dim, side in enumerate(weight.shape[2:], start=2):
            through = through.narrow(dim, (side - 1) // 2, x.shape[dim] - side + 1)
    kernels: torch.Tensor = plain(x, weight, padding=affine.padding)
    own: torch.Tensor = a.view(across) * through + b.view(across) * kernels + affine.bias.view(across)
    return own


@pytest.mark.parametrize("block", ["dirac", "dirac_normalized"])
@pytest.mark.parametrize(("model", "shape"), SHAPES)
def test_a_folded_network_is_the_network_and_both_are_their_formula(
    block: str, model: tuple[str, ...], shape: tuple[int, ...]
) -> None:
    network = disturbed(build(*model, f"model.block={block}", shape=shape))
    layers = [module for module in network.modules() if isinstance(module, Layer)]
    assert [isinstance(layer.affine, Dirac) for layer in layers] == [False] + [True] * (len(layers) - 1)
    x = torch.randn(3, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    seen: list[tuple[Any, torch.Tensor, torch.Tensor]] = []
    for layer in layers[1:]:
        layer.affine.register_forward_hook(lambda module, inputs, output: seen.append((module, inputs[0], output)))
    unfolded = network(x)
    for affine, inputs, output in seen:
        torch.testing.assert_close(output, layer_by_formula(affine, inputs), rtol=1e-12, atol=1e-12)
    folded = fold(network)
    assert not any(isinstance(module, Dirac) for module in folded.modules())
    plain = build(*model, "model.init=default", shape=shape)
    assert folded.state_dict().keys() == plain.state_dict().keys()
    torch.testing.assert_close(folded(x), unfolded, rtol=1e-12, atol=1e-12)
    plain.load_state_dict(folded.state_dict())
    torch.testing.assert_close(plain(x), unfolded, rtol=1e-12, atol=1e-12)


def test_starts() -> None:
    identity = torch.eye(40, dtype=torch.float64)
    for affine in hidden(build(*MLP, "model.block=dirac")):
        weight = affine.weight
        torch.testing.assert_close(weight @ weight.T, 0.18**2 * identity, rtol=0, atol=1e-6)
    for affine in hidden(build(*MLP, "model.block=small_residual")):
        torch.testing.assert_close(affine.weight @ affine.weight.T, identity / 16, rtol=0, atol=1e-6)
    for block in ("plain", "dirac"):
        network = build(*MLP, f"model.block={block}", "model.init=identity")
        assert all(torch.equal(affine.weight, identity) for affine in hidden(fold(network)))
        first = network.get_parameter("hidden.0.affine.weight")
        torch.testing.assert_close(first @ first.T, 2 * identity, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(40,), (3, 16, 16)])
def test_a_delta_orthogonal_convolution_keeps_norms_inside(shape: tuple[int, ...]) -> None:
    for affine in hidden(build(*CNN, "model.init=delta_orthogonal", shape=shape)):
        x = torch.randn(2, 6, *shape[-1:] * max(len(shape) - 1, 1), dtype=torch.float64)
        y = affine(x)
        # Each position is mapped by sqrt(2) times an orthogonal matrix.
        torch.testing.assert_close(y.square().sum(1), 2 * x.square().sum(1), rtol=1e-5, atol=1e-6)
    for affine in hidden(build(*CNN, "model.init=identity", shape=shape)):
        assert torch.equal(affine(x), x)


def hidden(network: nn.Module) -> list[Any]:
    return [module.affine for module in network.modules() if isinstance(module, Layer)][1:]


def test_weight_decay_draws_a_layer_to_the_identity(tmp_path: Any) -> None:
    """A step with a rate of nearly 0 and the decay 1/rate leaves V = 0."""
    small = ("model.depth=4", "model.width=12", "dataset.samples=500", "training.epochs=1", "hardware.dtype=float64")
    rate = ("optimizer.lr=1e-9", "optimizer.weight_decay=1e9", "lr_schedule=constant")
    run = train(compose("method=baseline", "model.block=dirac", *small, *rate), tmp_path / "run")
    assert run.summary["status"] == "completed"
    loaded = load_run(tmp_path / "run")
    for network in (loaded.network, loaded.best_network):
        for affine in hidden(network):
            assert type(affine) is nn.Linear
            torch.testing.assert_close(affine.weight, torch.eye(12, dtype=torch.float64), rtol=0, atol=1e-6)
    x, y = loaded.samples("test")
    assert (loaded.network(x).argmax(1) == y).double().mean().item() == run.summary["final"]["test_acc_target"]
    loaded.ensemble.forward(x[None])


@pytest.mark.parametrize(
    "wrong", [("dirac", "looks_linear"), ("dirac_normalized", "looks_linear"), ("dirac_normalized", "identity")]
)
def test_starts_that_make_no_sense_are_refused(wrong: tuple[str, str]) -> None:
    with pytest.raises(InputError, match=r"init"):
        compose("method=baseline", f"model.block={wrong[0]}", f"model.init={wrong[1]}")
