"""Networks as rows: losses, gradients and Hessian products at any points are those of ordinary modules there."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from homotopy_bench.landscape import networks as module
from homotopy_bench.landscape.networks import Networks, Points, Samples, concatenated
from homotopy_bench.models.cnn import CNN
from homotopy_bench.models.mlp import MLP
from homotopy_bench.models.vgg11 import VGG11
from tests.landscape.dense import dense_hessian

SHAPES = {"plain": (6,), "batchnorm": (6,), "rezero": (6,), "cnn": (24,), "vgg": (1, 32, 32)}
"""Shape of the inputs of each architecture."""


def built(kind: str) -> nn.Module:
    models = {"cnn": CNN(depth=3, width=3), "vgg": VGG11(width=0.03)}
    model = models.get(kind) or MLP(depth=3, width=5, block="plain" if kind == "plain" else kind)  # type: ignore[arg-type]
    return model.build(SHAPES[kind], 3).double()


def trained(kind: str, members: int) -> list[nn.Module]:
    """Return modules whose running statistics are not those of the beginning."""
    torch.manual_seed(7)
    found = []
    for _ in range(members):
        network = built(kind).train()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
            for _ in range(3):
                network(torch.randn(8, *SHAPES[kind], dtype=torch.float64))
        found.append(network.eval())
    return found


def samples(kind: str, count: int = 11) -> Samples:
    torch.manual_seed(8)
    return Samples(torch.randn(count, *SHAPES[kind], dtype=torch.float64), torch.arange(count) % 3, "train")


def loss(network: nn.Module, data: Samples) -> Tensor:
    return cross_entropy(network(data.x), data.y)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("members", [1, 3])
def test_losses_errors_and_gradients_are_those_of_the_modules(kind: str, members: int, monkeypatch) -> None:
    monkeypatch.setattr(module, "CHUNK_SAMPLES", 8)  # several batches, the last one smaller
    own, data = trained(kind, members), samples(kind)
    networks = Networks.of(own)
    theta, buffers = networks.theta.clone(), copy.deepcopy(dict(networks.buffers))
    scores = networks.evaluate([networks.points()], data)
    total, gradient = networks.gradient(networks.points(), data)
    for row, network in enumerate(own):
        expected = loss(network, data)
        torch.autograd.backward(expected)
        plain = torch.cat(
            [parameter.grad.flatten() for parameter in network.parameters() if parameter.grad is not None]
        )
        wrong = (network(data.x).argmax(1) != data.y).double().mean()
        torch.testing.assert_close(scores.loss[row], expected.detach(), rtol=1e-12, atol=0.0)
        assert scores.error[row] == wrong
        torch.testing.assert_close(total[row], expected.detach(), rtol=1e-12, atol=0.0)
        torch.testing.assert_close(gradient[row], plain, rtol=1e-9, atol=1e-12)
    assert torch.equal(theta, networks.theta)
    assert all(torch.equal(values, networks.buffers[name]) for name, values in buffers.items())


@pytest.mark.parametrize("kind", ["plain", "batchnorm"])
def test_points_anywhere_are_modules_with_those_parameters_and_buffers(kind: str) -> None:
    own, data = trained(kind, 2), samples(kind)
    networks = Networks.of(own)
    a = torch.tensor([0.0, 0.3, 0.7], dtype=torch.float64)[:, None]
    theta = (1 - a) * networks.theta[0] + a * networks.theta[1]
    owners = torch.tensor([0, 1, 1])
    points = networks.points(theta, owners)
    split = [points.rows(slice(0, 2)), points.rows(slice(2, 3))]
    scores = networks.evaluate(split, data)
    torch.testing.assert_close(networks.evaluate([concatenated(split)], data).loss, scores.loss, rtol=1e-12, atol=0.0)
    moved = networks.at(points)
    assert torch.equal(moved.theta, theta)
    for row in range(3):
        network = copy.deepcopy(own[int(owners[row])])
        nn.utils.vector_to_parameters(theta[row], network.parameters())
        torch.testing.assert_close(scores.loss[row], loss(network, data).detach(), rtol=1e-12, atol=0.0)
        torch.testing.assert_close(moved.outputs(moved.points(), data.x)[row], network(data.x).detach())


@pytest.mark.parametrize("kept_bytes", [0.0, 1e9])
def test_hessian_products_are_those_of_the_dense_hessian_with_frozen_statistics(kept_bytes: float, monkeypatch) -> None:
    monkeypatch.setattr(module, "KEPT_BYTES", kept_bytes)
    monkeypatch.setattr(module, "HESSIAN_BATCH", 4)
    own, data = trained("batchnorm", 2), samples("batchnorm")
    operator = Networks.of(own).hessian(data)
    vectors = torch.randn(operator.like.shape, dtype=torch.float64)
    products = operator(vectors)
    for row, network in enumerate(own):
        torch.testing.assert_close(products[row], dense_hessian(network, data) @ vectors[row], rtol=1e-8, atol=1e-10)


def test_a_network_that_is_not_finite_disturbs_no_other() -> None:
    own, data = trained("plain", 3), samples("plain")
    with torch.no_grad():
        next(own[1].parameters()).fill_(torch.nan)
    networks = Networks.of(own)
    scores = networks.evaluate([networks.points()], data)
    _, gradient = networks.gradient(networks.points(), data)
    assert scores.loss.isfinite().tolist() == [True, False, True]
    assert gradient.isfinite().all(dim=1).tolist() == [True, False, True]


def test_the_convention_says_what_becomes_of_batch_statistics() -> None:
    data = samples("plain")
    modes = {kind: Networks.of(trained(kind, 1)).convention(data, "").batchnorm for kind in ("plain", "batchnorm")}
    assert modes == {"plain": "none", "batchnorm": "frozen"}
    networks = Networks.of(trained("batchnorm", 1), torch.float32)
    convention = networks.convention(data, "x", 0.5, reestimated=True)
    assert (convention.batchnorm, convention.dtype, convention.radius) == ("reestimated", "float32", 0.5)
    assert (convention.split, convention.samples) == ("train", 11)


def test_points_are_rows() -> None:
    points = Points(torch.arange(6.0).view(3, 2), {"b": torch.arange(3.0)})
    few = points.rows(torch.tensor([2, 0]))
    assert few.theta.tolist() == [[4.0, 5.0], [0.0, 1.0]]
    assert few.buffers["b"].tolist() == [2.0, 0.0]
    assert len(few) == 2
