"""The fused evaluation of fully connected networks gives what the modules do."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from homotopy_bench.landscape import dense, networks
from homotopy_bench.landscape.dense import dense_layers, dense_scores, has_fused_linear
from homotopy_bench.landscape.networks import Networks, Points, Samples
from homotopy_bench.models.layers import Deformation, Layer, Network
from tests.landscape.trained import MODELS, network, samples

KINDS = ("plain", "deep", "leaky", "gelu", "tanh", "residual", "scaled residual", "rezero", "tanh residual")
OTHERS = ("batchnorm", "layernorm", "cnn", "vgg")

fused = pytest.mark.skipif(not has_fused_linear(torch.zeros(1)), reason="this build of PyTorch lacks the kernel")


def sequential() -> nn.Module:
    torch.manual_seed(0)
    layers = (nn.Flatten(), nn.Linear(10, 7, bias=False), nn.ReLU(), nn.Sequential(nn.Linear(7, 5), nn.Tanh()))
    return nn.Sequential(*layers, nn.Linear(5, 4)).double()


@fused
@pytest.mark.parametrize("kind", [*KINDS, "sequential"])
def test_loss_and_error_are_those_of_the_module_in_float64(kind: str, monkeypatch) -> None:
    monkeypatch.setattr(dense, "THREAD_ACTIVATIONS", 1)
    monkeypatch.setattr(dense, "LEAST_SAMPLES", 33)  # 80 samples in three batches
    module = sequential() if kind == "sequential" else network(kind)
    data = samples("plain" if kind == "sequential" else kind)
    called = []

    def counted(*args):
        called.append(args)
        return dense_scores(*args)

    monkeypatch.setattr(networks, "dense_scores", counted)
    single = Networks.of([module], torch.float32)
    stride = single.theta.repeat(2, 1).T.contiguous().T  # rows whose entries do not lie beside each other
    scores = single.evaluate([single.points(stride)], data.to(torch.float32))
    assert len(called) == 2
    logits = module(data.x)
    assert scores.loss.tolist() == pytest.approx([cross_entropy(logits, data.y).item()] * 2, rel=2e-5)
    assert scores.error.tolist() == pytest.approx([(logits.argmax(1) != data.y).double().mean().item()] * 2)


@pytest.mark.parametrize("kind", OTHERS)
def test_other_parts_are_left_to_the_ensemble(kind: str) -> None:
    assert dense_layers(MODELS[kind][0].build(MODELS[kind][1], 4)) is None


def test_a_deformed_layer_and_a_foreign_activation_are_left_to_the_ensemble() -> None:
    layer = Layer(nn.Linear(3, 3), torch.relu)
    assert dense_layers(Network(hidden=layer)) is not None
    layer.deform(Deformation(lambda x, y, t: x + t * y, {"t": 0.5}))
    assert dense_layers(Network(hidden=layer)) is None
    assert dense_layers(Network(hidden=Layer(nn.Linear(3, 3), torch.sigmoid))) is None
    assert dense_layers(nn.Sequential(nn.Linear(3, 3), nn.Sigmoid())) is None
    assert dense_layers(nn.Sequential(nn.Linear(3, 3), nn.Dropout())) is None
    assert dense_layers(nn.Sequential(nn.ReLU(), nn.Linear(3, 3))) is None


def test_doubles_are_left_to_the_ensemble() -> None:
    assert not has_fused_linear(torch.zeros(1, dtype=torch.float64))
    assert not has_fused_linear(torch.zeros(1, device="meta"))


@fused
def test_a_small_loss_keeps_its_digits() -> None:
    module = nn.Linear(1, 2)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[13.0], [0.0]]))
        module.bias.fill_(100.0)
    shapes, theta = Networks.of([module]).shapes, torch.tensor([13.0, 0.0, 100.0, 100.0])
    found, wrong = dense_scores(dense_layers(module) or (), shapes, theta, torch.ones(1, 1), torch.tensor([0]))
    expected = cross_entropy(module(torch.ones(1, 1)), torch.tensor([0])).item()
    assert expected > 0.0
    assert found.item() == pytest.approx(expected, rel=1e-6)
    assert wrong.item() == 0


@fused
def test_a_point_that_is_not_finite_disturbs_no_other() -> None:
    single = Networks.of([network("plain")], torch.float32)
    theta = single.theta.repeat(4, 1)
    theta[1] = torch.nan
    theta[2, 0] = torch.nan  # of one weight of the first layer: the kernel's ReLU would make 0 of it
    theta[3, 0] = torch.inf
    scores = single.evaluate([single.points(theta)], samples("plain").to(torch.float32))
    assert scores.loss.isfinite().tolist() == [True, False, False, False]


@fused
@pytest.mark.parametrize("kind", ["deep", "residual", "rezero"])
def test_activations_that_overflow_are_not_hidden(kind: str) -> None:
    single, data = Networks.of([network(kind)], torch.float32), samples(kind).to(torch.float32)
    scales = torch.tensor([1.0, 1e2, 1e4, 1e6, 1e9, 1e12, 1e20])
    points = single.points(single.theta * scales[:, None])
    expected = torch.stack([cross_entropy(network_at(kind, row)(data.x), data.y) for row in points.theta])
    assert 0 < expected.isfinite().sum() < len(scales)
    assert torch.equal(single.evaluate([points], data).loss.isfinite(), expected.isfinite())


def network_at(kind: str, theta: torch.Tensor) -> nn.Module:
    module = copy.deepcopy(network(kind)).float()
    nn.utils.vector_to_parameters(theta, module.parameters())
    return module


@fused
def test_points_are_only_read() -> None:
    single = Networks.of([network("rezero")], torch.float32)
    data = Samples(samples("rezero").x.float(), samples("rezero").y, "train")
    points = Points(single.theta + 0.1, {})
    before, x = copy.deepcopy(points.theta), data.x.clone()
    single.evaluate([points], data)
    assert torch.equal(points.theta, before)
    assert torch.equal(data.x, x)
