"""Permuted copies are recovered exactly; what is known to have a barrier whatever the permutation keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import quadratic_assignment
from torch import nn

from homotopy_bench.landscape.connectivity.balancing import balanced
from homotopy_bench.landscape.connectivity.barriers import along, barriers
from homotopy_bench.landscape.connectivity.chords import Chord
from homotopy_bench.landscape.connectivity.matching import _faq, match
from homotopy_bench.landscape.connectivity.symmetries import Group, UnknownModule, groups_of
from homotopy_bench.landscape.connectivity.units import Change, changed, changed_points, tensors_of
from homotopy_bench.landscape.networks import Networks, Points, Samples, concatenated
from homotopy_bench.models.mlp import MLP
from tests.landscape.trained import MODELS, network, samples


def random_changes(groups: Sequence[Group], seed: int, *, scales: bool = False) -> list[Change]:
    generator = np.random.default_rng(seed)
    found = []
    for group in groups:
        scale = np.ones(group.size)
        if group.odd:
            scale = generator.choice([-1.0, 1.0], group.size)
        if scales and group.homogeneous:
            scale = generator.uniform(0.2, 5.0, group.size)
        found.append(Change(torch.from_numpy(generator.permutation(group.size)), torch.from_numpy(scale)))
    return found


def barrier_of(networks: Networks, first: Points, second: Points, data: Samples) -> tuple[float, float]:
    """Return the barrier of the loss and the larger of the two losses at the ends."""
    scores = along(networks, Chord(first, second), data)
    found = barriers(scores, networks.convention(data, ""))
    return found["barrier_loss"].value.item(), scores.loss[:, [0, -1]].max().item()


@pytest.mark.parametrize("kind", MODELS)
def test_a_permuted_copy_is_recovered_exactly(kind: str) -> None:
    module, data = network(kind), samples(kind)
    networks, groups = Networks.of([module]), groups_of(module)
    points = networks.points()
    tensors = tensors_of(networks, points, 0)
    copy = changed_points(networks, points, groups, [random_changes(groups, 5)])
    logits = networks.outputs(points, data.x)
    torch.testing.assert_close(networks.outputs(copy, data.x), logits, rtol=1e-9, atol=1e-9)
    naive, _ = barrier_of(networks, points, copy, data)
    assert naive > 0.1
    found = match(tensors, tensors_of(networks, copy, 0), list(networks.columns), groups)
    assert found.known
    back = changed_points(networks, copy, groups, [found.changes])
    torch.testing.assert_close(back.theta, points.theta, rtol=0.0, atol=1e-12)
    for name, values in points.buffers.items():
        torch.testing.assert_close(back.buffers[name], values, rtol=0.0, atol=1e-12)
    matched, _ = barrier_of(networks, points, back, data)
    assert abs(matched) < 1e-6


@pytest.mark.parametrize("kind", ["plain", "leaky", "batchnorm", "cnn of images", "vgg"])
def test_balanced_networks_have_the_same_outputs_and_the_scale_of_a_copy_is_undone(kind: str) -> None:
    module, data = network(kind), samples(kind)
    networks, groups = Networks.of([module]), groups_of(module)
    points = networks.points()
    copy = changed_points(networks, points, groups, [random_changes(groups, 6, scales=True)])
    logits = networks.outputs(points, data.x)
    torch.testing.assert_close(networks.outputs(copy, data.x), logits, rtol=1e-9, atol=1e-9)
    ends = [balanced(tensors_of(networks, one, 0), groups) for one in (points, copy)]
    rows = [Points(torch.cat([end[name].flatten() for name in networks.columns])[None], points.buffers) for end in ends]
    torch.testing.assert_close(networks.outputs(rows[0], data.x), logits, rtol=1e-9, atol=1e-9)
    found = match(ends[0], ends[1], list(networks.columns), groups)
    back = changed(ends[1], groups, found.changes)
    for name, value in ends[0].items():
        torch.testing.assert_close(back[name], value, rtol=1e-4, atol=1e-5)


def test_one_matching_serves_a_whole_trajectory() -> None:
    module, data = network("plain"), samples("plain")
    networks, groups = Networks.of([module]), groups_of(module)
    trajectory = concatenated([Points(scale * networks.theta, {}) for scale in (0.5, 0.8, 1.0)])
    change = random_changes(groups, 7)
    moved = changed_points(networks, trajectory, groups, [change])
    each = [changed_points(networks, trajectory.rows(slice(row, row + 1)), groups, [change]) for row in range(3)]
    assert torch.equal(moved.theta, concatenated(each).theta)
    torch.testing.assert_close(networks.outputs(moved, data.x), networks.outputs(trajectory, data.x))


def test_the_assignment_of_one_hidden_layer_is_the_best_of_all_permutations() -> None:
    torch.manual_seed(0)
    modules = [nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2)).double() for _ in range(2)]
    networks, groups = Networks.of(modules), groups_of(modules[0])
    a, b = (tensors_of(networks, networks.points(), row) for row in range(2))
    found = match(a, b, list(a), groups)
    ones = torch.ones(5, dtype=torch.float64)
    best = max(
        sum((a[name] * changed(b, groups, [Change(torch.tensor(order), ones)])[name]).sum().item() for name in a)
        for order in permutations(range(5))
    )
    assert found.objective == pytest.approx(best, rel=1e-12)
    assert found.identity <= found.objective
    assert max(found.random) <= found.objective


def test_the_signs_of_tanh_units_are_the_best_of_all() -> None:
    torch.manual_seed(1)
    modules = [nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 2)).double() for _ in range(2)]
    networks, groups = Networks.of(modules), groups_of(modules[0])
    a, b = (tensors_of(networks, networks.points(), row) for row in range(2))
    found = match(a, b, list(a), groups)
    best = max(
        sum(
            (a[name] * changed(b, groups, [Change(torch.tensor(order), torch.tensor(signs).double())])[name])
            .sum()
            .item()
            for name in a
        )
        for order in permutations(range(3))
        for signs in product([-1.0, 1.0], repeat=3)
    )
    assert found.objective == pytest.approx(best, rel=1e-12)


def test_two_hidden_layers_reach_at_least_what_random_permutations_do() -> None:
    torch.manual_seed(2)
    modules = [network("deep", seed) for seed in (1, 2)]
    networks, groups = Networks.of(modules), groups_of(modules[0])
    a, b = (tensors_of(networks, networks.points(), row) for row in range(2))
    found = match(a, b, list(networks.columns), groups)
    assert found.converged
    assert found.objective >= found.identity
    assert found.objective > max(found.random)


@pytest.mark.filterwarnings("ignore:The NumPy global RNG was seeded:FutureWarning")  # scipy looks at it
def test_on_single_pairs_of_matrices_the_quadratic_assignment_is_as_good_as_scipys() -> None:
    """Both end in local maxima, and rounding decides in which: they are compared over many problems."""
    generator = torch.Generator().manual_seed(0)
    zero = torch.zeros(9, 9, dtype=torch.float64)
    ours, scipys = [], []
    for _ in range(12):
        a, b = torch.randn(2, 9, 9, generator=generator, dtype=torch.float64)
        order = _faq([(a, b)], zero, zero, odd=False, start=Change.none(9)).order
        ours.append((a * b[order][:, order]).sum().item())
        scipys.append(quadratic_assignment(a.numpy(), b.numpy(), options={"maximize": True}).fun)
    assert np.mean(ours) >= np.mean(scipys)
    assert min(ours) > 0.0


ENDS: tuple[dict[str, list[Any]], dict[str, list[Any]]] = (
    {"W1": [[-1, -1], [1, 1]], "b1": [1, -1], "W2": [[-1, 1], [-1, 1]], "b2": [1, 1], "w3": [0, 1], "b3": [-1]},
    {"W1": [[1, 1], [0, -1]], "b1": [0, -1], "W2": [[-1, 1], [-1, 1]], "b2": [1, 1], "w3": [-1, -1], "b3": [1]},
)
"""Two networks 2-2-2-1 whose outputs are 1, -1, -1, -1 on the four points (+-1, +-1): both inputs are positive."""


def two_two_two_one(weights: dict[str, list[Any]]) -> nn.Sequential:
    """The logit of one class is the output, that of the other 0."""
    module = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)).double()
    own = {name: torch.tensor(value, dtype=torch.float64) for name, value in weights.items()}
    zero = torch.zeros(1, dtype=torch.float64)
    values = [own["W1"], own["b1"], own["W2"], own["b2"], torch.stack([0 * own["w3"], own["w3"]])]
    values.append(torch.cat([zero, own["b3"]]))
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), values, strict=True):
            parameter.copy_(value)
    return module


def test_a_counterexample_of_the_kind_of_git_re_basin_has_a_barrier_under_every_permutation() -> None:
    """Ainsworth et al. 2023, supplement: a quarter of four points is wrong in the middle of all four chords."""
    x = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    data = Samples(x, torch.tensor([1, 0, 0, 0]), "train")
    networks = Networks.of([two_two_two_one(end) for end in ENDS])
    groups, points = groups_of(networks.architecture), networks.points()
    assert networks.evaluate([points], data).error.tolist() == [0.0, 0.0]
    ones = torch.ones(2, dtype=torch.float64)
    orders = [torch.tensor(order) for order in ([0, 1], [1, 0])]
    first, second = points.rows(slice(0, 1)), points.rows(slice(1, 2))
    middles = []
    for pair in product(orders, repeat=2):
        moved = changed_points(networks, second, groups, [[Change(order, ones) for order in pair]])
        middle = Chord(first, moved).at(torch.tensor([0]), torch.tensor([0.5]))
        middles.append(networks.evaluate([middle], data).error.item())
    assert middles == [0.25] * 4


RELU = nn.ReLU()

CHAINS = {
    "an activation in two places": nn.Sequential(nn.Linear(5, 6), RELU, nn.Linear(6, 7), RELU, nn.Linear(7, 4)),
    "statistics alone": nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6, affine=False), nn.ReLU(), nn.Linear(6, 4)),
    "a scale alone": nn.Sequential(nn.Linear(5, 6), nn.LayerNorm(6, bias=False), nn.ReLU(), nn.Linear(6, 4)),
}


@pytest.mark.parametrize("kind", CHAINS)
def test_chains_of_ones_own_keep_their_outputs(kind: str) -> None:
    module = CHAINS[kind].double().eval()
    networks, groups = Networks.of([module]), groups_of(module)
    assert not any(group.odd for group in groups)
    moved = changed_points(networks, networks.points(), groups, [random_changes(groups, 5, scales=True)])
    x = torch.randn(20, 5, dtype=torch.float64)
    expected = networks.outputs(networks.points(), x)
    torch.testing.assert_close(networks.outputs(moved, x), expected, rtol=1e-9, atol=1e-9)


class _Added(nn.Sequential):
    def forward(self, input: Any) -> Any:
        return input + super().forward(input)  # type: ignore[no-untyped-call]


class _Masked(nn.Linear):
    def forward(self, input: Any) -> Any:
        return nn.functional.linear(input, self.weight.tril(), self.bias)


def test_what_cannot_be_permuted_is_matched() -> None:
    for chain in (nn.Sequential(nn.Linear(3, 2)), nn.Sequential(nn.Linear(3, 1), nn.ReLU(), nn.Linear(1, 2))):
        tensors = dict(chain.named_parameters())
        assert match(tensors, tensors, list(tensors), groups_of(chain)).known


def test_what_is_not_known_is_named() -> None:
    twice, tied = nn.Linear(3, 3), nn.Linear(3, 3)
    tied.weight = twice.weight
    for one in (twice, tied):
        with pytest.raises(UnknownModule, match="share a tensor"):
            groups_of(nn.Sequential(twice, nn.ReLU(), one, nn.ReLU(), nn.Linear(3, 2)))
    for unlike, named in ((_Added(nn.Linear(3, 3), nn.ReLU()), "_Added"), (_Masked(3, 3), "_Masked")):
        with pytest.raises(UnknownModule, match=f"to {named} is not known"):
            groups_of(nn.Sequential(nn.Linear(3, 3), nn.ReLU(), unlike, nn.Linear(3, 2)))
    with pytest.raises(UnknownModule, match="to DiracLinear is not known"):
        groups_of(MLP(depth=3, width=4, block="dirac").build((5,), 3))
    with pytest.raises(UnknownModule, match="to Bilinear is not known"):
        groups_of(nn.Sequential(nn.Linear(2, 2), nn.Bilinear(2, 2, 2)))
    with pytest.raises(UnknownModule, match="convolution in groups"):
        groups_of(nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Conv1d(4, 4, 3, groups=2)))
