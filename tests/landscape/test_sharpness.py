"""Sharpness and flatness against closed forms, in float64."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from homotopy_bench.landscape.average_case import NOISES, flatness, noise_curves
from homotopy_bench.landscape.directions import elementwise, filter_normalised, gaussian
from homotopy_bench.landscape.keskar import box_maximum, epsilon_sharpness
from homotopy_bench.landscape.measurement import Measurement
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.landscape.sam import asam, ascent, m_sharpness, published_scaling, sam
from homotopy_bench.landscape.spectrum import spectrum
from homotopy_bench.landscape.surface import LossSurface
from tests.landscape.quadratic import Quadratic, relu_network, rescaled, symmetric

SPECTRUM = [5.0, 2.0, 0.5, 0.1, 0.0, -0.3]


def data(count: int = 40) -> Samples:
    torch.manual_seed(5)
    return Samples(torch.randn(count, 5, dtype=torch.float64), torch.arange(count) % 3, "test")


def test_an_ascent_step_from_the_leading_eigenvector_reaches_the_maximum_over_the_ball() -> None:
    matrix, vectors = symmetric(SPECTRUM, 0)
    centre = torch.zeros(6, dtype=torch.float64)
    rho = 0.3
    theta = centre + 1e-9 * vectors[:, 0]  # as good as the minimum, and the gradient points along u_1
    surface = Quadratic(matrix[None], centre[None], theta[None])
    rise = ascent(surface, torch.ones(1, 6, dtype=torch.float64), rho)
    assert rise.item() == pytest.approx(rho**2 * 5.0 / 2, rel=1e-7)


def test_sam_and_asam_steps_on_quadratics_are_their_closed_forms_for_every_member() -> None:
    matrices = torch.stack([symmetric(SPECTRUM, seed)[0] for seed in (1, 2)])
    torch.manual_seed(0)
    centres, theta = torch.randn(2, 2, 6, dtype=torch.float64)
    surface = Quadratic(matrices, centres, theta)
    scale, rho = theta.abs(), 0.2
    for t in (torch.ones_like(scale), scale):
        found = ascent(surface, t, rho)
        for m in range(2):
            g = matrices[m] @ (theta[m] - centres[m])
            step = rho * t[m] ** 2 * g / (t[m] * g).norm()
            expected = g @ step + step @ matrices[m] @ step / 2
            assert found[m].item() == pytest.approx(expected.item(), rel=1e-12)


def test_where_the_gradient_or_the_parameters_are_zero_nothing_divides() -> None:
    matrix = torch.eye(3, dtype=torch.float64)[None]
    zero = torch.zeros(1, 3, dtype=torch.float64)
    assert ascent(Quadratic(matrix, zero, zero), torch.ones_like(zero), 0.1).item() == 0.0
    one = torch.ones(1, 3, dtype=torch.float64)
    assert ascent(Quadratic(matrix, one, zero), zero.abs(), 0.1).item() == 0.0


def test_gaussian_noise_raises_a_quadratic_by_half_the_trace_and_the_noise_scaled_by_the_weights_by_their_squares() -> (
    None
):
    matrix, _ = symmetric(SPECTRUM, 3)
    theta = torch.tensor([[1.0, -2.0, 0.5, 0.0, 3.0, -1.0]], dtype=torch.float64)
    surface = Quadratic(matrix[None], theta.clone(), theta)
    generator = torch.Generator().manual_seed(0)
    sigma, draws = 0.1, 4000
    normal = torch.randn(draws, 1, 6, generator=generator, dtype=torch.float64)
    plain, scaled = (noise_curves(surface, d, [sigma])[0].flatten().numpy() for d in (normal, normal * theta.abs()))
    expected = sigma**2 * sum(SPECTRUM) / 2, sigma**2 * (matrix.diagonal() * theta[0] ** 2).sum().item() / 2
    for values, value in zip((plain, scaled), expected, strict=True):
        assert abs(np.mean(values) - value) < 4 * np.std(values) / draws**0.5
        assert 4 * np.std(values) / draws**0.5 < 0.1 * value


def test_the_mean_of_opposite_points_has_no_odd_part() -> None:
    matrix, _ = symmetric(SPECTRUM, 4)
    theta = torch.randn(1, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    surface = Quadratic(matrix[None], torch.zeros_like(theta), theta)  # the gradient here is not zero
    d = torch.ones(1, 6, dtype=torch.float64)
    rise, _ = noise_curves(surface, [d], [0.1, 0.5])
    curvature = (d[0] @ matrix @ d[0]).item()
    assert rise[0, 0].tolist() == pytest.approx([0.1**2 * curvature / 2, 0.5**2 * curvature / 2], rel=1e-12)


def test_the_box_of_keskar_has_its_maximum_of_a_convex_quadratic_in_a_corner() -> None:
    diagonal = torch.tensor([3.0, 1.0, 0.5, 2.0], dtype=torch.float64)
    theta = torch.tensor([[0.5, -1.0, 2.0, 0.0]], dtype=torch.float64)
    centre = theta - torch.tensor([1e-4, -2e-4, 1e-4, 1e-4], dtype=torch.float64)
    surface = Quadratic(torch.diag(diagonal)[None], centre, theta)
    epsilon = 1e-3
    half = epsilon * (theta.abs() + 1.0)
    corner = theta + half * (theta - centre).sign()
    expected = surface.evaluate(corner, torch.tensor([0])).loss.item()
    found = box_maximum(surface, epsilon, 3, 30, np.random.default_rng(0))
    assert found.loss == pytest.approx(expected, rel=1e-12)
    assert found.converged


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-8])
def test_the_box_is_searched_from_a_minimum_too_however_flat_it_is(size: float) -> None:
    matrix, _ = symmetric([eigenvalue * size for eigenvalue in (3.0, 2.0, 1.0, 0.5)], 6)
    theta = torch.zeros(1, 4, dtype=torch.float64)
    surface = Quadratic(matrix[None], theta, theta)
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * 4)
    best = surface.evaluate(1e-3 * signs, torch.zeros(16, dtype=torch.int64)).loss.max().item()
    found = box_maximum(surface, 1e-3, 8, 30, np.random.default_rng(0))
    assert found.loss == pytest.approx(best, rel=1e-9)
    assert found.converged


def test_a_maximum_inside_the_box_is_found_and_a_loss_that_is_constant_is_its_own() -> None:
    theta, inside = torch.zeros(1, 3, dtype=torch.float64), torch.tensor([[2e-4, -3e-4, 1e-4]], dtype=torch.float64)
    matrix = -torch.diag(torch.tensor([3.0, 1.0, 0.1], dtype=torch.float64))
    found = box_maximum(Quadratic(matrix[None], inside, theta), 1e-3, 3, 30, np.random.default_rng(0))
    assert abs(found.loss) < 1e-3 * 1.2e-7  # the rise is 1.1e-7
    assert found.converged
    constant = box_maximum(Quadratic(0.0 * matrix[None], inside, theta), 1e-3, 3, 30, np.random.default_rng(0))
    assert constant.loss == 0.0
    assert constant.converged


def test_a_search_that_the_limit_of_iterations_ends_has_not_converged() -> None:
    networks, samples = Networks.of([relu_network(0)]), data()
    converged = [epsilon_sharpness(networks, samples, epsilon=0.5, iterations=n).converged.item() for n in (1, 200)]
    assert converged == [False, True]


def test_epsilon_sharpness_of_networks_is_at_least_that_of_any_point_in_the_box() -> None:
    networks, samples = Networks.of([relu_network(0), relu_network(1)], torch.float32), data()
    found = epsilon_sharpness(networks, samples, epsilon=0.01)
    exact = networks.to(torch.float64)
    surface, before = LossSurface(exact, samples), exact.evaluate([exact.points()], samples).loss
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        half = 0.01 * (exact.theta.abs() + 1.0)
        inside = exact.theta + half * (2 * torch.rand(exact.theta.shape, generator=generator, dtype=torch.float64) - 1)
        rise = 100 * (surface.evaluate(inside, torch.arange(2)).loss - before) / (1 + before)
        assert (rise <= found.value + 1e-9).all()
    assert found.convention.radius == 0.01
    assert found.convention.dtype == "float64"


FACTORS = (0.05, 20.0)


@pytest.mark.parametrize("factor", FACTORS)
def test_rescaling_relu_units_changes_the_largest_eigenvalue_and_no_scale_invariant_figure(factor: float) -> None:
    network = relu_network(2)
    with torch.no_grad():  # ASAM's T = |w| counts biases, and those of the logits are not scaled
        network[-1].bias.zero_()  # type: ignore[operator]
    networks, samples = Networks.of([network, rescaled(network, factor)]), data()
    plain = networks.outputs(networks.points(), samples.x)
    torch.testing.assert_close(plain[0], plain[1], rtol=1e-12, atol=1e-12)
    invariant = [asam(networks, samples), *flatness(networks, samples, pairs=2).values()]
    invariant += flatness(networks, samples, noise="elementwise", pairs=2).values()
    for found in invariant:
        assert found.value[0].item() == pytest.approx(found.value[1].item(), rel=1e-10, abs=1e-12)
    for changed in (spectrum(networks, samples)["lambda_max"], sam(networks, samples)):
        assert abs(changed.value[0] / changed.value[1] - 1.0) > 0.1
    published = asam(networks, samples, scaling=published_scaling)
    assert abs(published.value[0] / published.value[1] - 1.0) > 1e-3


def test_filter_normalised_directions_have_the_norms_of_the_filters_and_leave_the_rest() -> None:
    torch.manual_seed(3)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2)).double()
    with torch.no_grad():
        next(network.parameters())[1] = 0.0  # a dead filter
    networks = Networks.of([network])
    direction = filter_normalised(networks, gaussian(networks, torch.Generator().manual_seed(0)))
    for name, columns in networks.columns.items():
        d, w = (tensor[0, columns].view(networks.shapes[name]) for tensor in (direction, networks.theta))
        if d.dim() == 1:
            assert not d.any()
        else:
            torch.testing.assert_close(d.flatten(1).norm(dim=1), w.flatten(1).norm(dim=1))
    assert not filter_normalised(networks, torch.zeros_like(networks.theta)).any()


def test_directions_are_the_same_draw_for_all_networks() -> None:
    networks = Networks.of([relu_network(0), relu_network(1)])
    direction = gaussian(networks, torch.Generator().manual_seed(3))
    assert torch.equal(direction[0], direction[1])
    torch.testing.assert_close(elementwise(networks, direction), direction * networks.theta.abs())


def test_m_sharpness_is_the_mean_over_micro_batches_of_their_own_sharpness() -> None:
    networks, samples = Networks.of([relu_network(0), relu_network(1)]), data(40)
    found = m_sharpness(networks, samples, m=12, rho=0.1)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    parts = [Samples(samples.x[order[i : i + 12]], samples.y[order[i : i + 12]], "test") for i in (0, 12, 24)]
    assert all(len(set(part.y.tolist())) == 3 for part in parts)
    own = torch.stack([sam(networks, part, rho=0.1).value for part in parts])
    torch.testing.assert_close(found.value, own.mean(dim=0))
    torch.testing.assert_close(found.error, own.std(dim=0) / 3**0.5)


@pytest.mark.parametrize("noise", NOISES)
def test_flatness_of_many_networks_is_that_of_each_and_one_that_is_not_finite_has_none(noise: str) -> None:
    modules, samples = [relu_network(seed) for seed in range(3)], data()
    with torch.no_grad():
        next(modules[1].parameters()).fill_(torch.inf)
    together = flatness(Networks.of(modules), samples, noise=noise, pairs=2)
    for row in (0, 2):
        alone = flatness(Networks.of([modules[row]]), samples, noise=noise, pairs=2)
        for name, found in alone.items():
            torch.testing.assert_close(together[name].value[row], found.value[0], rtol=1e-10, atol=1e-14)
    for found in together.values():  # of the loss and of the accuracy
        assert found.entry(1)["value"] is None
        assert found.entry(1)["reason"]
        assert found.converged.tolist() == [True, False, True]


SINGLE: dict[str, Callable[[Networks, Samples], Measurement]] = {
    "sam": sam,
    "asam": asam,
    "asam_published": partial(asam, scaling=published_scaling),
    "m_sharpness": partial(m_sharpness, m=10),
    "epsilon_sharpness": partial(epsilon_sharpness, iterations=5),
}


@pytest.mark.parametrize("metric", SINGLE)
def test_sharpness_of_many_networks_is_that_of_each_and_one_that_is_not_finite_has_none(metric: str) -> None:
    modules, samples = [relu_network(seed) for seed in range(3)], data()
    with torch.no_grad():
        next(modules[1].parameters()).fill_(torch.nan)
    together = SINGLE[metric](Networks.of(modules), samples)
    for row in (0, 2):
        alone = SINGLE[metric](Networks.of([modules[row]]), samples)
        torch.testing.assert_close(together.value[row], alone.value[0], rtol=1e-9, atol=1e-14)
        assert together.converged[row] == alone.converged[0]
        assert together.entry(row)["reason"] is None
    entry = together.entry(1)
    assert (entry["value"], entry["converged"]) == (None, False)
    assert "not finite" in entry["reason"]


@pytest.mark.parametrize("metric", SINGLE)
def test_sharpness_in_float32_is_about_that_in_float64(metric: str) -> None:
    networks, samples = Networks.of([relu_network(seed) for seed in range(2)], torch.float32), data()
    found = SINGLE[metric](networks, samples.to(torch.float32))
    exact = SINGLE[metric](networks.to(torch.float64), samples)
    torch.testing.assert_close(found.value.double(), exact.value, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("noise", NOISES)
def test_flatness_in_float32_is_about_that_in_float64(noise: str) -> None:
    networks, samples = Networks.of([relu_network(seed) for seed in range(2)], torch.float32), data()
    found = flatness(networks, samples.to(torch.float32), noise=noise, radii=[0.1], pairs=3)
    exact = flatness(networks.to(torch.float64), samples, noise=noise, radii=[0.1], pairs=3)
    for name in found:
        torch.testing.assert_close(found[name].value.double(), exact[name].value, rtol=1e-2, atol=1e-5)


def test_asam_as_published_scales_weights_by_name_those_of_a_normalisation_too() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(-0.5)
    found = published_scaling(Networks.of([network], torch.float64))
    expected = [0.51] * 6 + [1.0] * 3 + [0.51] * 3 + [1.0] * 3
    assert found[0].tolist() == pytest.approx(expected)


def test_wrong_arguments_are_named() -> None:
    networks, samples = Networks.of([relu_network(0)]), data()
    with pytest.raises(ValueError, match=r"rho = 0.0: it must be positive"):
        sam(networks, samples, rho=0.0)
    with pytest.raises(ValueError, match="noise = uniform: accepted are gaussian, filter, elementwise"):
        flatness(networks, samples, noise="uniform")
    with pytest.raises(ValueError, match="pairs = 1"):
        flatness(networks, samples, pairs=1)
    with pytest.raises(ValueError, match="m = 0"):
        m_sharpness(networks, samples, m=0)
    with pytest.raises(ValueError, match="epsilon = -1"):
        epsilon_sharpness(networks, samples, epsilon=-1)
