"""Slices and trajectories against loops over modules and numpy's singular values."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from homotopy_bench.landscape.directions import filter_normalised, gaussian
from homotopy_bench.landscape.networks import Networks, Points
from homotopy_bench.landscape.slices import (
    line_through,
    plane_along,
    plane_through,
    slice_of,
    spanned_grid,
)
from homotopy_bench.landscape.trajectories import loss_errors, trajectory_plane
from tests.landscape.trained import network, samples


def three(kind: str = "plain") -> Networks:
    return Networks.of([network(kind, seed) for seed in (1, 2, 3)])


def loss_at(theta: torch.Tensor, kind: str, shares: tuple[float, ...] = (1.0,)) -> float:
    """The loss of a module with these parameters, and with buffers mixed from those of the first networks."""
    module, data = copy.deepcopy(network(kind, 1)), samples(kind)
    nn.utils.vector_to_parameters(theta, module.parameters())
    mixed = [dict(network(kind, seed).named_buffers()) for seed, _ in enumerate(shares, start=1)]
    for name, buffer in module.named_buffers():
        if buffer.is_floating_point():
            value = torch.stack([share * own[name] for share, own in zip(shares, mixed, strict=True)]).sum(dim=0)
            buffer.copy_(value.clamp_min(0.0) if "var" in name else value)
    return cross_entropy(module(data.x), data.y).item()


@pytest.mark.parametrize("kind", ["plain", "batchnorm"])
def test_a_slice_is_a_loop_over_its_points_and_the_networks_lie_where_they_should(kind: str) -> None:
    networks, data = three(kind), samples(kind)
    plane = plane_through(networks)
    torch.testing.assert_close(plane.points(plane.marks).theta, networks.theta, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(plane.axes @ plane.axes.T, torch.eye(2, dtype=torch.float64), rtol=0, atol=1e-12)
    seen: list[int] = []
    grid = spanned_grid(plane, 5)
    found = slice_of(networks, plane, grid, data, lambda done, count: seen.append(done))
    assert seen[-1] == 25 == found.cost.forwards
    for i, x in enumerate(grid[0]):
        for j, y in enumerate(grid[1]):
            theta = networks.theta[0] + x * plane.axes[0] + y * plane.axes[1]
            # The coordinates of the networks are (0, 0), (a, 0) and (b, c).
            a, (b, c) = plane.marks[1, 0].item(), plane.marks[2].tolist()
            third = y.item() / c
            second = (x.item() - third * b) / a
            expected = loss_at(theta, kind, (1.0 - second - third, second, third))
            assert found.loss[i, j].item() == pytest.approx(expected, rel=1e-8)
    for values, marks in zip(grid, plane.marks.T, strict=True):
        assert values[0] < marks.min()
        assert values[-1] > marks.max()


@pytest.mark.parametrize("kind", ["plain", "batchnorm"])
def test_networks_have_their_own_losses_in_the_plane_through_them(kind: str) -> None:
    networks, data = three(kind), samples(kind)
    plane = plane_through(networks)
    own = networks.evaluate([networks.points()], data)
    found = networks.evaluate([plane.points(plane.marks)], data)
    torch.testing.assert_close(found.loss, own.loss, rtol=1e-9, atol=0.0)
    assert torch.equal(found.error, own.error)
    assert len(set(own.loss.tolist())) == 3


def test_statistics_of_a_point_are_combined_as_its_parameters_and_variances_stay_above_0() -> None:
    networks = three("batchnorm")
    plane = plane_through(networks)
    shares = torch.tensor([[0.2, 0.5, 0.3], [2.0, -0.5, -0.5], [40.0, -39.5, 0.5]], dtype=torch.float64)
    found = plane.points(shares @ plane.marks)
    torch.testing.assert_close(found.theta, shares @ networks.theta, rtol=1e-9, atol=1e-9)
    for name, values in networks.buffers.items():
        if name.endswith("tracked"):
            assert torch.equal(found.buffers[name], values[:1].expand(3))
            continue
        expected = torch.einsum("kn,n...->k...", shares, values)
        if name.endswith("running_var"):
            expected = expected.clamp_min(0.0)
        torch.testing.assert_close(found.buffers[name], expected, rtol=1e-8, atol=1e-9)
    far = slice_of(networks, plane, (torch.tensor([-90.0, 90.0]), torch.tensor([-90.0])), samples("batchnorm"))
    assert far.loss.isfinite().all()
    assert "buffers combined as the parameters" in far.convention.details


@pytest.mark.parametrize("kind", ["plain", "batchnorm"])
def test_a_line_has_its_networks_at_0_and_1(kind: str) -> None:
    networks, data = three(kind), samples(kind)
    two = networks.at(networks.points().rows(slice(0, 2)))
    found = slice_of(two, line_through(two), (torch.tensor([0.0, 1.0]),), data)
    torch.testing.assert_close(found.loss, networks.evaluate([networks.points()], data).loss[:2])


def test_two_directions_are_orthogonal_and_keep_their_lengths() -> None:
    one = Networks.of([network("cnn")])
    generator = torch.Generator().manual_seed(0)
    directions = [filter_normalised(one, gaussian(one, generator)) for _ in range(2)]
    plane = plane_along(one, directions)
    assert abs(plane.axes[0] @ plane.axes[1]) < 1e-10
    torch.testing.assert_close(plane.axes[0], directions[0][0])
    torch.testing.assert_close(plane.axes[1].norm(), directions[1].norm())


def test_the_plane_of_a_trajectory_is_that_of_its_singular_vectors() -> None:
    torch.manual_seed(0)
    theta = torch.randn(9, 50, dtype=torch.float64).cumsum(dim=0)
    found = trajectory_plane(Points(theta, {}))
    differences = (theta - theta[-1]).numpy()
    _, s, v = np.linalg.svd(differences, full_matrices=False)
    np.testing.assert_allclose(found.explained, s[:2] ** 2 / (s**2).sum(), rtol=1e-10)
    np.testing.assert_allclose(np.abs(found.plane.axes.numpy() @ v[:2].T), np.eye(2), atol=1e-8)
    outside = differences - differences @ v[:2].T @ v[:2]
    np.testing.assert_allclose(found.distances.numpy(), np.linalg.norm(outside, axis=1), atol=1e-7)
    assert found.plane.marks[-1].tolist() == [0.0, 0.0]


def test_a_trajectory_within_a_plane_has_no_residual_and_no_error_of_the_loss() -> None:
    networks, data = three(), samples("plain")
    u, v = networks.theta[1] - networks.theta[0], networks.theta[2] - networks.theta[0]
    steps = [(0.0, 0.0), (0.3, 0.1), (0.5, 0.6), (0.9, 0.7)]
    points = Points(torch.stack([networks.theta[0] + a * u + b * v for a, b in steps]), {})
    found = trajectory_plane(points)
    assert sum(found.explained) == pytest.approx(1.0)
    assert found.distances.max() < 1e-6
    assert loss_errors(networks, points, found, data).abs().max() < 1e-8


def test_the_loss_error_is_that_of_the_projection() -> None:
    networks, data = three(), samples("plain")
    torch.manual_seed(1)
    theta = networks.theta[0] + 0.2 * torch.randn(5, networks.theta.shape[1], dtype=torch.float64)
    points = Points(theta, {})
    found = trajectory_plane(points)
    errors = loss_errors(networks, points, found, data)
    projected = theta[-1] + (theta - theta[-1]) @ found.plane.axes.T @ found.plane.axes
    for row in range(5):
        expected = loss_at(projected[row], "plain") - loss_at(theta[row], "plain")
        assert errors[row].item() == pytest.approx(expected, abs=1e-9)
    assert errors.abs().max() > 1e-3


def test_what_spans_no_plane_is_refused() -> None:
    networks = three()
    line = networks.at(networks.points(torch.stack([networks.theta[0] * a for a in (1.0, 2.0, 3.0)])))
    with pytest.raises(ValueError, match="lie on a line"):
        plane_through(line)
    with pytest.raises(ValueError, match="lie on a line"):
        trajectory_plane(line.points())
    with pytest.raises(ValueError, match="3 networks: a line leads through two"):
        line_through(networks)
    with pytest.raises(ValueError, match="2 points"):
        trajectory_plane(networks.points().rows(slice(0, 2)))
    with pytest.raises(ValueError, match="one network"):
        plane_along(networks, [networks.theta[:1]])
