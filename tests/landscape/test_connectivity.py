"""Barriers, repaired and re-estimated chords, curves and similarities against plain modules and closed forms."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from homotopy_bench.core.errors import InputError
from homotopy_bench.landscape.connectivity.barriers import PathScores, along, barriers
from homotopy_bench.landscape.connectivity.batch_statistics import reestimated
from homotopy_bench.landscape.connectivity.chords import (
    ReestimatedChord,
    RepairedChord,
    all_pairs,
    chord_of,
)
from homotopy_bench.landscape.connectivity.compare import compare
from homotopy_bench.landscape.connectivity.curves import BASES, Curve, train_curves
from homotopy_bench.landscape.connectivity.repair import NotRepairable, unit_statistics
from homotopy_bench.landscape.connectivity.similarity import linear_cka, similarity
from homotopy_bench.landscape.measure import measure
from homotopy_bench.landscape.measurement import Convention
from homotopy_bench.landscape.networks import Networks, Samples
from tests.landscape.trained import network, samples

WORDS = Convention("train", 80, "float64")


def three(kind: str) -> tuple[list[nn.Module], Networks, Samples]:
    modules = [network(kind, seed) for seed in (1, 2, 3)]
    return modules, Networks.of(modules), samples(kind)


@pytest.mark.parametrize("kind", ["plain", "batchnorm"])
def test_the_losses_of_all_pairs_are_those_of_modules_moved_along_each_chord(kind: str) -> None:
    modules, networks, data = three(kind)
    pairs = all_pairs(3)
    scores = along(networks, chord_of(networks, pairs), data, points=7)
    for row, (i, j) in enumerate(pairs):
        states = [modules[end].state_dict() for end in (i, j)]
        for column, a in enumerate(scores.a[row].tolist()):
            between = copy.deepcopy(modules[0])
            mixed = {
                name: value if not value.is_floating_point() else (1 - a) * value + a * states[1][name]
                for name, value in states[0].items()
            }
            between.load_state_dict(mixed)
            loss = cross_entropy(between(data.x), data.y).item()
            wrong = (between(data.x).argmax(1) != data.y).double().mean().item()
            assert scores.loss[row, column].item() == pytest.approx(loss, rel=1e-10)
            assert scores.error[row, column].item() == pytest.approx(wrong)
    assert (scores.a.diff(dim=1) > 0).all()
    assert scores.a[:, 0].eq(0).all()
    assert scores.a[:, -1].eq(1).all()


def test_both_conventions_are_signed_and_exact_for_known_curves() -> None:
    a = torch.linspace(0, 1, 5, dtype=torch.float64).repeat(2, 1)
    hill = torch.stack([a[0] * (1 - a[0]) + 2 * a[0], -a[0] * (1 - a[0]) + 2 * a[0]])
    found = barriers(PathScores(a, hill, hill / 10), WORDS)
    assert found["barrier_loss"].value.tolist() == pytest.approx([0.25, -3 / 16])
    inside = hill[:, 1:-1].amax(dim=1)
    assert found["barrier_loss_frankle"].value.tolist() == pytest.approx((inside - 1.0).tolist())
    assert found["barrier_error"].value.tolist() == pytest.approx([0.025, -3 / 160])
    assert found["max_loss"].value.tolist() == pytest.approx([2.0, 2.0])
    assert "Entezari" in found["barrier_loss"].convention.details
    assert "Frankle" in found["barrier_error_frankle"].convention.details


def test_the_maximum_is_refined_between_the_equidistant_points() -> None:
    _, networks, data = three("plain")
    chord = chord_of(networks, all_pairs(3))
    coarse, fine = along(networks, chord, data, points=7), along(networks, chord, data, points=301)
    grid = coarse.loss[:, (coarse.a * 6).round().sub(coarse.a * 6).abs()[0] < 1e-9]
    top = fine.loss.amax(dim=1)
    assert ((top - coarse.loss.amax(dim=1)) <= (top - grid.amax(dim=1)) + 1e-12).all()
    with pytest.raises(ValueError, match="points = 2"):
        along(networks, chord, data, points=2)


@pytest.mark.parametrize("kind", ["batchnorm", "vgg"])
def test_reestimated_statistics_are_those_of_a_fresh_pass_of_the_module(kind: str) -> None:
    modules, networks, data = (
        three(kind) if kind == "batchnorm" else ([network(kind)], Networks.of([network(kind)]), samples(kind))
    )
    fresh = reestimated(networks, networks.points(), data)
    for row, module in enumerate(modules):
        plain = copy.deepcopy(module)
        for layer in plain.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                layer.reset_running_stats()
                layer.momentum = None
                layer.train()
        plain(data.x)
        plain.eval()
        for name, values in plain.named_buffers():
            if "running" in name:
                torch.testing.assert_close(fresh.buffers[name][row], values, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(networks.outputs(fresh, data.x)[row], plain(data.x).detach(), rtol=1e-6, atol=1e-6)
    assert all(not module.training for module in networks.architecture.modules())


def test_a_chord_with_new_statistics_has_those_of_its_own_points() -> None:
    _, networks, data = three("batchnorm")
    chord = chord_of(networks, [(0, 1)])
    pair, a = torch.tensor([0, 0]), torch.tensor([0.3, 0.5])
    found = ReestimatedChord(chord, networks, data).at(pair, a)
    expected = reestimated(networks, chord.at(pair, a), data)
    for name, values in expected.buffers.items():
        assert torch.equal(found.buffers[name], values)


def hidden_statistics(module: nn.Module, x: torch.Tensor) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Mean and standard deviation of the outputs of every map but the last, by hooks."""
    found: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    maps = [(name, one) for name, one in module.named_modules() if isinstance(one, nn.Linear | nn.Conv1d | nn.Conv2d)]
    hooks = []
    for name, one in maps[:-1]:

        def note(_: nn.Module, __: object, output: torch.Tensor, name: str = name) -> None:
            flat = output.detach().transpose(0, 1).flatten(1)
            found[name] = flat.mean(dim=1), flat.std(dim=1, correction=0)

        hooks.append(one.register_forward_hook(note))
    module(x)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize("kind", ["plain", "deep", "residual", "rezero", "layernorm", "tanh", "cnn", "cnn of images"])
def test_a_repaired_point_has_the_interpolated_statistics_in_a_fresh_pass(kind: str) -> None:
    modules, networks, data = three(kind)
    chord = chord_of(networks, [(0, 1), (1, 2)])
    ends = [hidden_statistics(module, data.x) for module in modules]
    own = unit_statistics(networks, networks.points(), data)
    pair, a = torch.tensor([0, 0, 1]), torch.tensor([0.2, 0.5, 0.7], dtype=torch.float64)
    points = RepairedChord(chord, networks, data).at(pair, a)
    for name in ends[0]:
        torch.testing.assert_close(own[name][0][0], ends[0][name][0])
        torch.testing.assert_close(own[name][1][2], ends[2][name][1])
    for row, (number, share) in enumerate(zip(pair.tolist(), a.tolist(), strict=True)):
        plain = copy.deepcopy(modules[0])
        nn.utils.vector_to_parameters(points.theta[row], plain.parameters())
        for name, statistics in hidden_statistics(plain, data.x).items():
            for kind_of, value in enumerate(statistics):
                expected = (1 - share) * ends[number][name][kind_of] + share * ends[number + 1][name][kind_of]
                torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-6)


def test_at_its_ends_a_repaired_chord_is_the_networks_themselves() -> None:
    _, networks, data = three("deep")
    chord = chord_of(networks, [(0, 1)])
    points = RepairedChord(chord, networks, data).at(torch.tensor([0, 0]), torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(points.theta, networks.theta[:2], rtol=1e-9, atol=1e-9)


def test_maps_without_a_bias_cannot_be_repaired() -> None:
    modules = [nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 2)).double() for _ in range(2)]
    networks = Networks.of(modules)
    data = Samples(torch.randn(9, 3, dtype=torch.float64), torch.zeros(9, dtype=torch.int64), "train")
    with pytest.raises(NotRepairable, match="0 has no bias"):
        RepairedChord(chord_of(networks, [(0, 1)]), networks, data).at(torch.tensor([0]), torch.tensor([0.5]))


@pytest.mark.parametrize("kind", BASES)
def test_curves_end_at_the_networks_and_are_nowhere_above_the_chord(kind: str) -> None:
    _, networks, data = three("plain")
    chord = chord_of(networks, all_pairs(3))
    found = train_curves(networks, chord, data, BASES[kind], steps=120, batch_size=40, lr=0.05)
    own = torch.arange(3)
    for end, points in ((0.0, chord.first), (1.0, chord.second)):
        assert torch.equal(found.curve.at(own, torch.full((3,), end, dtype=torch.float64)).theta, points.theta)
    straight = along(networks, chord, data, points=61)
    assert (found.scores.loss.amax(dim=1) <= straight.loss.amax(dim=1) + 1e-12).all()
    assert (found.scores.loss.amax(dim=1) < straight.loss.amax(dim=1) - 0.05).any(), "training lowers some curve"
    again = along(networks, found.curve, data, points=61)
    torch.testing.assert_close(again.loss, found.scores.loss)


@pytest.mark.parametrize("kind", BASES)
def test_a_curve_over_the_middle_of_its_chord_is_the_chord(kind: str) -> None:
    _, networks, _ = three("plain")
    chord = chord_of(networks, [(0, 1)])
    middle = (chord.first.theta + chord.second.theta) / 2
    a = torch.linspace(0, 1, 9, dtype=torch.float64)
    curve = Curve(chord, middle, BASES[kind]).at(torch.zeros(9, dtype=torch.int64), a)
    torch.testing.assert_close(curve.theta, chord.at(torch.zeros(9, dtype=torch.int64), a).theta)


def test_cka_is_that_of_the_gram_matrices_and_knows_no_rotation() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((20, 4)), generator.standard_normal((20, 3))
    centre = np.eye(20) - 1 / 20
    grams = [centre @ one @ one.T @ centre for one in (x, y)]
    expected = np.sum(grams[0] * grams[1]) / np.sqrt(np.sum(grams[0] ** 2) * np.sum(grams[1] ** 2))
    found = linear_cka(torch.from_numpy(x)[None], torch.from_numpy(y)[None])
    assert found.item() == pytest.approx(expected, rel=1e-12)
    rotation = np.linalg.qr(generator.standard_normal((4, 4)))[0]
    assert linear_cka(torch.from_numpy(x)[None], torch.from_numpy(3 * x @ rotation)[None]).item() == pytest.approx(1.0)


def test_disagreement_is_the_share_of_different_predictions() -> None:
    modules, networks, data = three("plain")
    found = similarity(networks, chord_of(networks, [(0, 1), (1, 1)]), data)
    predicted = [module(data.x).argmax(1) for module in modules]
    expected = (predicted[0] != predicted[1]).double().mean().item()
    assert found["disagreement"].value.tolist() == pytest.approx([expected, 0.0])
    assert found["cka"].value[1].item() == pytest.approx(1.0)


def test_a_pair_with_a_network_that_is_not_finite_has_no_barrier_and_the_others_do() -> None:
    modules, _, data = three("plain")
    broken = copy.deepcopy(modules[2])
    with torch.no_grad():
        next(broken.parameters()).fill_(torch.nan)
    networks = Networks.of([*modules[:2], broken])
    measured = barriers(along(networks, chord_of(networks, all_pairs(3)), data, points=5), WORDS)
    for name in ("barrier_loss", "barrier_error", "barrier_error_frankle", "max_loss"):
        assert measured[name].converged.tolist() == [True, False, False], name
        assert measured[name].entry(1)["reason"] == "the loss on the path is not finite"
    found = measured["barrier_loss"]
    alone = Networks.of(modules[:2])
    expected = barriers(along(alone, chord_of(alone, [(0, 1)]), data, points=5), WORDS)["barrier_loss"]
    assert found.value[0].item() == pytest.approx(expected.value.item())


def test_a_map_in_two_places_is_between_its_two_ends() -> None:
    x, y = torch.randn(30, 6, generator=torch.Generator().manual_seed(0)), torch.arange(30) % 2

    def pair(*, shared: bool) -> list[nn.Module]:
        found: list[nn.Module] = []
        for seed in range(2):
            torch.manual_seed(seed)
            first, last = nn.Linear(6, 6), nn.Linear(6, 2)
            found.append(nn.Sequential(first, nn.ReLU(), first if shared else copy.deepcopy(first), nn.ReLU(), last))
        return found

    tied, apart = (compare(pair(shared=shared), x, y, metrics=["chord"]) for shared in (True, False))
    torch.testing.assert_close(tied["barrier_loss"].value, apart["barrier_loss"].value)
    matched = compare(pair(shared=True), x, y, metrics=["matched"])["matched_barrier_loss"]
    assert matched.value.isnan().all()
    with pytest.raises(InputError, match=r"pairs=\[\]: accepted: at least one"):
        compare(pair(shared=True)[:1], x, y)


def test_tokens_are_compared_as_tokens() -> None:
    networks = [nn.Sequential(nn.Embedding(7, 4), nn.Flatten(), nn.Linear(12, 3)) for _ in range(2)]
    x, y = torch.randint(7, (20, 3)), torch.randint(3, (20,))
    assert compare(networks, x.numpy(), y, metrics=["similarity"])["cka"].value.isfinite().all()
    assert measure(networks, x, y, metrics=["sam"])["sam"].value.isfinite().all()
    images = torch.randint(255, (20, 5), dtype=torch.uint8)
    assert measure([nn.Linear(5, 3)], images, y, metrics=["sam"])["sam"].value.isfinite().all()
