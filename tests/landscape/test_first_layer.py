"""Combinations of a few points are evaluated as any others, with one product of the first layer for each of the few."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from homotopy_bench.landscape import dense, first_layer
from homotopy_bench.landscape.combined import Combined, Term
from homotopy_bench.landscape.connectivity.chords import Chord, all_pairs, chord_of
from homotopy_bench.landscape.connectivity.curves import Curve, bezier
from homotopy_bench.landscape.first_layer import FirstLayer
from homotopy_bench.landscape.networks import Networks, Points, Samples
from homotopy_bench.landscape.slices import plane_through
from tests.landscape.test_dense import KINDS, OTHERS, sequential
from tests.landscape.trained import network, samples

PRECISION = {torch.float32: 1e-6, torch.float64: 1e-12}


def three(kind: str, dtype: torch.dtype) -> tuple[Networks, Samples]:
    modules = [sequential() if kind == "sequential" else network(kind, seed) for seed in (1, 2, 3)]
    if kind == "sequential":
        with torch.no_grad():
            for parameter in (own for module in modules for own in module.parameters()):
                parameter.add_(0.3 * torch.randn_like(parameter))
    return Networks.of(modules, dtype), samples("plain" if kind == "sequential" else kind).to(dtype)


def chords(networks: Networks) -> list[Combined]:
    chord = chord_of(networks, all_pairs(3))
    a = torch.tensor([0.0, 0.3, 0.9, 1.0], dtype=torch.float64)
    return [chord.at(torch.full((4,), pair), a) for pair in range(3)]


def plane(networks: Networks) -> list[Combined]:
    found = plane_through(networks)
    return [found.points(found.marks), found.points(torch.tensor([[0.5, -0.5], [1.0, 0.25]]))]


def curve(networks: Networks) -> list[Combined]:
    chord = chord_of(networks, [(0, 2), (1, 2)])
    middle = chord.first.theta / 2 + chord.second.theta
    return [Curve(chord, middle, bezier).at(torch.tensor([0, 1]), torch.tensor([0.2, 0.6], dtype=torch.float64))]


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list of all points whose first layer is computed."""
    found: list[object] = []
    computed = FirstLayer._computed

    def counted(self: FirstLayer, theta: torch.Tensor) -> first_layer.Known:
        found.append(theta)
        return computed(self, theta)

    monkeypatch.setattr(FirstLayer, "_computed", counted)
    monkeypatch.setattr(dense, "THREAD_ACTIVATIONS", 1)
    monkeypatch.setattr(dense, "LEAST_SAMPLES", 33)  # 80 samples in three batches
    return found


@pytest.mark.parametrize("path", [chords, plane, curve])
@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("kind", [*KINDS, "sequential"])
def test_scores_are_those_of_the_same_points_given_one_by_one(
    kind: str, dtype: torch.dtype, path: Callable[[Networks], list[Combined]], products: list[object]
) -> None:
    networks, data = three(kind, dtype)
    counts: dict[object, int] = {chords: 3, plane: 3, curve: 5}
    chunks = path(networks)
    found = networks.evaluate(chunks, data)
    assert len(products) == counts[path]
    expected = networks.evaluate([Points(one.theta, one.buffers) for one in chunks], data)
    assert len(products) == counts[path]
    torch.testing.assert_close(found.loss, expected.loss, rtol=PRECISION[dtype], atol=PRECISION[dtype])
    assert found.loss.std() > 1e-3
    assert torch.equal(found.error, expected.error)


@pytest.mark.parametrize("kind", OTHERS)
def test_other_architectures_are_evaluated_as_a_whole(kind: str, products: list[object]) -> None:
    networks = Networks.of([network(kind)])
    chord, data = chord_of(networks, [(0, 0)]), samples(kind)
    points = chord.at(torch.tensor([0]), torch.tensor([0.5]))
    assert networks.first_layer(data) is None
    torch.testing.assert_close(
        networks.evaluate([points], data).loss, networks.evaluate([networks.points()], data).loss
    )
    assert not products


def test_a_first_layer_that_adds_its_input_or_does_not_come_first_is_left_to_others() -> None:
    layers = dense.dense_layers(nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))) or ()
    shapes = {"0.weight": torch.Size([3, 3]), "0.bias": torch.Size([3]), "2.weight": torch.Size([2, 3])}
    assert first_layer.leads(layers, shapes)
    assert not first_layer.leads(layers, dict(reversed(shapes.items())))
    residual = dense.DenseLayer("0.weight", "0.bias", torch.relu, 1.0, 3)
    assert not first_layer.leads([residual, *layers[1:]], shapes)


def test_a_network_of_one_layer_is_its_first() -> None:
    torch.manual_seed(0)
    networks = Networks.of([nn.Sequential(nn.Flatten(), nn.Linear(10, 4)) for _ in range(3)], torch.float64)
    data = samples("plain")
    for chunk in chords(networks):
        expected = networks.evaluate([Points(chunk.theta, {})], data)
        torch.testing.assert_close(networks.evaluate([chunk], data).loss, expected.loss, rtol=1e-12, atol=0.0)


def test_what_is_forgotten_is_computed_again(products: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    networks, data = three("plain", torch.float64)
    expected = networks.evaluate(chords(networks), data).loss
    products.clear()
    monkeypatch.setattr(first_layer, "KEPT_BYTES", 0)
    assert torch.equal(networks.evaluate(chords(networks), data).loss, expected)
    assert len(products) == 24, "two ends of each of 12 points"
    products.clear()
    monkeypatch.setattr(first_layer, "KEPT_BYTES", 2 * 80 * 12 * 8)
    assert torch.equal(networks.evaluate(chords(networks), data).loss, expected)
    assert len(products) == 4, "0 and 1, 2 for (0, 2), and 1 again for (1, 2)"


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_network_that_is_not_finite_spoils_its_own_points_only(value: float) -> None:
    networks, data = three("deep", torch.float32)
    networks.theta[2, -1 if value == torch.inf else 0] = value
    losses = networks.evaluate(chords(networks), data).loss.view(3, 4)
    assert losses.isfinite().all(dim=1).tolist() == [True, False, False]


@pytest.mark.parametrize("kind", ["deep", "residual", "rezero"])
def test_activations_that_overflow_are_not_hidden(kind: str) -> None:
    networks, data = three(kind, torch.float32)
    scales = torch.tensor([1.0, 1e2, 1e4, 1e6, 1e9, 1e12, 1e20], dtype=torch.float64)
    points = Combined((Term(networks.theta, torch.zeros(7, dtype=torch.int64), scales),), {})
    losses = networks.evaluate([points], data).loss
    expected = networks.evaluate([Points(points.theta, {})], data).loss
    assert 0 < expected.isfinite().sum() < len(scales)
    assert torch.equal(losses.isfinite(), expected.isfinite())


def test_chords_that_share_ends_are_chords_between_copies() -> None:
    networks, _ = three("plain", torch.float64)
    shared = chord_of(networks, all_pairs(3))
    copies = Chord(shared.first, shared.second)
    pair, a = torch.tensor([2, 0, 1]), torch.tensor([0.1, 0.5, 1.0], dtype=torch.float64)
    assert torch.equal(shared.at(pair, a).theta, copies.at(pair, a).theta)
    assert torch.equal(shared.end(1, pair).theta, networks.theta[[2, 1, 2]])
