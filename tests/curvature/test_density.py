"""Quadratures and densities against dense eigendecompositions in float64."""

from __future__ import annotations

from math import pi, sqrt

import pytest
import torch
from torch import Tensor

from homotopy_bench.curvature.density import shortened, smoothed_density, spectral_density
from homotopy_bench.curvature.probes import spherical
from homotopy_bench.curvature.products import hessian_operator
from homotopy_bench.ensemble.losses import cross_entropy
from tests.curvature.exact import explicit, generator, network_case, symmetric

SPECTRA = torch.stack([torch.linspace(-1.0, 2.0, 40), torch.logspace(-3, 0.5, 40), torch.linspace(-1, 1, 40) ** 3])
SPECTRA = SPECTRA.double()


def unit_probes(like: Tensor, draw: int, probes: int) -> Tensor:
    """The probes that a generator gives, scaled to length one, shape (probes, Q)."""
    source = generator(draw)
    drawn = torch.stack([spherical(like, source)[0] for _ in range(probes)])
    lengths: Tensor = drawn.norm(dim=1, keepdim=True)
    return drawn / lengths


@pytest.mark.parametrize("steps", [1, 2, 5, 8])
def test_moments_of_every_probe_are_exact_up_to_twice_the_steps(steps):
    matrices = symmetric(SPECTRA)
    found = spectral_density(explicit(matrices), SPECTRA, generator(4), steps=steps, probes=3)
    assert found.nodes.shape == found.weights.shape == (3, 3, steps)
    assert found.products == 3 * steps

    def moment(power: int) -> Tensor:
        return (found.weights * found.nodes**power).sum(dim=2)

    image = unit_probes(SPECTRA, 4, 3).expand(3, 3, 40)
    probes = image
    for power in range(2 * steps):
        torch.testing.assert_close(moment(power), (probes * image).sum(dim=2), rtol=1e-10, atol=1e-13)
        image = torch.einsum("mpq,mzq->mzp", matrices, image)
    assert ((moment(2 * steps) - (probes * image).sum(dim=2)).abs() > 1e-9).any()


@pytest.mark.parametrize("steps", [1, 5, 12, 30])
def test_a_shortened_quadrature_is_that_of_fewer_steps(steps):
    matrices = symmetric(SPECTRA)
    matrices[1, 0, 0] = torch.nan
    long, short = (
        spectral_density(explicit(matrices), SPECTRA, generator(2), steps=n, probes=3) for n in (25, min(steps, 25))
    )
    found = shortened(long, steps)
    torch.testing.assert_close(found.nodes, short.nodes, rtol=1e-9, atol=1e-9, equal_nan=True)
    torch.testing.assert_close(found.weights, short.weights, rtol=1e-6, atol=1e-9, equal_nan=True)
    assert found.nodes[1].isnan().all()
    with pytest.raises(ValueError, match="steps = 0"):
        shortened(long, 0)


def test_weights_are_shares_and_nodes_lie_in_the_spectrum():
    found = spectral_density(explicit(symmetric(SPECTRA)), SPECTRA, generator(), steps=25, probes=2)
    torch.testing.assert_close(found.weights.sum(dim=2), torch.ones(3, 2, dtype=torch.float64))
    assert (found.weights >= 0.0).all()
    assert (found.nodes.diff(dim=2) >= 0.0).all()
    assert (found.nodes.amin(dim=(1, 2)) >= SPECTRA.amin(dim=1) - 1e-12).all()
    assert (found.nodes.amax(dim=(1, 2)) <= SPECTRA.amax(dim=1) + 1e-12).all()


def test_with_all_steps_the_nodes_are_the_eigenvalues_and_the_weights_the_probes_shares():
    matrices = symmetric(SPECTRA)
    found = spectral_density(explicit(matrices), SPECTRA, generator(1), steps=60, probes=1)
    eigenvalues, vectors = torch.linalg.eigh(matrices[:1])
    torch.testing.assert_close(found.nodes[:1, 0], eigenvalues)
    probe = unit_probes(SPECTRA, 1, 1)
    torch.testing.assert_close(found.weights[:1, 0], (probe @ vectors[0]).square(), rtol=1e-7, atol=1e-12)


def test_the_density_of_a_network_is_that_of_its_eigenvalues():
    case = network_case("plain", "tanh", 2)
    operator = hessian_operator(case.ensemble, [case.batch], cross_entropy)
    found = spectral_density(operator, operator.like, generator(), steps=20, probes=100)
    assert found.products == operator.products == 2000
    exact = torch.linalg.eigvalsh(torch.stack([case.hessian(m) for m in range(2)]))
    width = 0.05 * float(exact.abs().amax())
    grid = torch.linspace(float(exact.amin()) - 5 * width, float(exact.amax()) + 5 * width, 400, dtype=torch.float64)
    density = smoothed_density(found, grid, width)
    bumps = torch.exp(-0.5 * ((grid[:, None] - exact[:, None]) / width) ** 2) / (width * sqrt(2 * pi))
    wanted = bumps.mean(dim=2)
    torch.testing.assert_close(torch.trapezoid(density, grid), torch.ones(2, dtype=torch.float64), rtol=1e-5, atol=0.0)
    distance = torch.trapezoid((density - wanted).abs(), grid)
    assert (distance < 0.05).all()
    one = spectral_density(operator, operator.like, generator(), steps=20, probes=1)
    assert (torch.trapezoid((smoothed_density(one, grid, width) - wanted).abs(), grid) > distance).all()


def test_every_member_can_have_a_grid_of_its_own():
    found = spectral_density(explicit(symmetric(SPECTRA)), SPECTRA, generator(), steps=10)
    grids = torch.stack([torch.linspace(-1, 1, 7), torch.linspace(0, 4, 7), torch.linspace(-2, 0, 7)])
    together = smoothed_density(found, grids, 0.1)
    for m in range(3):
        assert torch.equal(together[m], smoothed_density(found, grids[m], 0.1)[m])


def test_an_invariant_space_gives_the_exact_measure_with_fewer_nodes():
    spectra = torch.full((3, 30), 2.0, dtype=torch.float64)
    spectra[0, :3], spectra[1, 0] = torch.tensor([5.0, 3.0, 7.0]), 4.0
    matrices = symmetric(spectra)
    found = spectral_density(explicit(matrices), spectra, generator(), steps=20, probes=2)
    assert found.products <= 2 * 5
    torch.testing.assert_close(found.weights.sum(dim=2), torch.ones(3, 2, dtype=torch.float64))
    assert (found.nodes > 2.0 - 1e-9).all()  # and none is 0, which the rows of zeros in T have for an eigenvalue
    for m in range(3):
        needed = found.nodes[m][found.weights[m] > 1e-12]
        assert ((needed[:, None] - spectra[m]).abs().amin(dim=1) < 1e-6).all()
    probes = unit_probes(spectra, 0, 2)
    eigenvalues, vectors = torch.linalg.eigh(matrices[1])
    of_four = torch.where(found.nodes[1] > 3.0, found.weights[1], 0.0).sum(dim=1)
    torch.testing.assert_close(of_four, (probes @ vectors[:, eigenvalues > 3.0]).square().sum(dim=1))


def test_a_zero_matrix_has_all_its_weight_at_zero():
    found = spectral_density(torch.zeros_like, torch.zeros(2, 6), generator(), steps=4, probes=2)
    assert found.products == 2
    assert (found.nodes == 0.0).all()
    assert torch.equal(found.weights.sum(dim=2), torch.ones(2, 2, dtype=torch.float64))


def test_members_together_are_the_members_alone_and_a_broken_one_hurts_none():
    rank_one = torch.eye(40, dtype=torch.float64)[:1]
    matrices = symmetric(torch.cat([SPECTRA, rank_one]))
    broken = torch.cat([matrices, torch.full_like(matrices[:1], torch.nan)])
    together = spectral_density(explicit(broken), broken[:, 0], generator(), steps=12)
    assert together.nodes[4].isnan().all()
    assert together.weights[4].isnan().all()
    grid = torch.linspace(-2, 4, 50)
    densities = smoothed_density(together, grid, 0.2)
    for m in range(4):
        alone = spectral_density(explicit(matrices[m : m + 1]), matrices[m : m + 1, 0], generator(), steps=12)
        torch.testing.assert_close(together.nodes[m : m + 1], alone.nodes, rtol=0.0, atol=1e-9)
        torch.testing.assert_close(densities[m : m + 1], smoothed_density(alone, grid, 0.2), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"probes": 0}])
def test_a_quadrature_needs_a_node_and_a_probe(wrong):
    with pytest.raises(ValueError, match="both must be at least 1"):
        spectral_density(torch.zeros_like, torch.zeros(1, 4), generator(), **wrong)


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan")])
def test_a_density_needs_a_width(width):
    found = spectral_density(torch.zeros_like, torch.zeros(1, 4), generator(), steps=1, probes=1)
    with pytest.raises(ValueError, match=r"width = .*: it must be positive"):
        smoothed_density(found, torch.zeros(1), width)
