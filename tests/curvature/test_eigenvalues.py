"""Lanczos and power iteration against dense eigenvalues in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from homotopy_bench.curvature.estimate import Eigenpair, Operator
from homotopy_bench.curvature.lanczos import lanczos
from homotopy_bench.curvature.power import power_iteration
from homotopy_bench.curvature.products import hessian_operator
from homotopy_bench.ensemble.losses import cross_entropy
from tests.curvature.exact import NETWORKS, explicit, generator, network_case, symmetric

SPREAD = torch.stack([torch.linspace(-1.0, 3.0, 60), torch.linspace(0.5, 20.0, 60) ** 2])


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(("block", "activation"), NETWORKS)
def test_both_ends_of_a_networks_spectrum(members, block, activation):
    case = network_case(block, activation, members)
    operator = hessian_operator(case.ensemble, [case.batch], cross_entropy)
    ends = lanczos(operator, operator.like, generator(), tolerance=1e-8, max_products=400)
    exact = torch.linalg.eigvalsh(torch.stack([case.hessian(m) for m in range(members)]))
    torch.testing.assert_close(ends.largest.value, exact[:, -1], rtol=1e-8, atol=0.0)
    torch.testing.assert_close(ends.smallest.value, exact[:, 0], rtol=1e-8, atol=0.0)
    for end in ends:
        assert end.converged.all()
        assert end.products == operator.products <= operator.like.shape[1]


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-8])
def test_the_error_is_the_residual_of_the_unit_vector_and_bounds_the_eigenvalues(tolerance):
    matrices = symmetric(SPREAD)
    ends = lanczos(explicit(matrices), SPREAD.double(), generator(3), tolerance=tolerance)
    products = []
    for end, exact in zip(ends, (SPREAD.amax(dim=1), SPREAD.amin(dim=1)), strict=True):
        assert end.converged.all()
        torch.testing.assert_close(end.vector.norm(dim=1), torch.ones(2, dtype=torch.float64))
        residual = (explicit(matrices)(end.vector) - end.value[:, None] * end.vector).norm(dim=1)
        torch.testing.assert_close(residual, end.error, rtol=1e-3, atol=1e-11)
        assert (end.error <= tolerance * end.value.abs() + 1e-11).all()
        assert ((end.value - exact).abs() <= end.error + 1e-5).all()  # the spectrum itself is rounded to float32
        products.append(end.products)
    assert products[0] == products[1] <= 60


def test_looser_tolerances_take_fewer_products():
    spectrum = torch.linspace(-1.3, 1.6, 200, dtype=torch.float64)[None] ** 5
    operator = explicit(symmetric(spectrum))
    taken = [lanczos(operator, spectrum, generator(), tolerance=t).largest.products for t in (1e-1, 1e-3, 1e-10)]
    assert taken == sorted(set(taken))


def test_too_few_products_are_said_not_to_suffice():
    ends = lanczos(explicit(symmetric(SPREAD)), SPREAD.double(), generator(), tolerance=1e-8, max_products=5)
    assert ends.largest.products == 5
    assert not ends.largest.converged.any()
    assert not ends.smallest.converged.any()
    assert (ends.largest.value < SPREAD.amax(dim=1)).all()


def test_an_invariant_space_ends_the_process_with_the_exact_values():
    spectrum = torch.zeros(1, 50, dtype=torch.float64)
    spectrum[0, :3] = torch.tensor([5.0, -2.0, 1.0])
    ends = lanczos(explicit(symmetric(spectrum)), spectrum, generator(), tolerance=1e-12)
    assert ends.largest.products <= 5
    torch.testing.assert_close(ends.largest.value, torch.tensor([5.0], dtype=torch.float64))
    torch.testing.assert_close(ends.smallest.value, torch.tensor([-2.0], dtype=torch.float64))
    assert ends.largest.converged.all()


def test_of_a_zero_matrix_both_ends_are_zero():
    ends = lanczos(torch.zeros_like, torch.zeros(2, 4), generator())
    assert ends.largest.value.tolist() == ends.smallest.value.tolist() == [0.0, 0.0]
    assert ends.largest.converged.all()


def test_the_basis_stays_orthogonal_where_the_plain_recurrence_loses_it():
    spectrum = torch.logspace(-12, 0, 80, dtype=torch.float64)[None]
    ends = lanczos(explicit(symmetric(spectrum)), spectrum, generator(), tolerance=0.0, max_products=80)
    # The smallest value lies 12 orders below the largest, which converges, and would come again, within ten products.
    torch.testing.assert_close(ends.smallest.value, spectrum[:, 0], rtol=0.0, atol=1e-15)
    torch.testing.assert_close(ends.largest.value, spectrum[:, -1])


@pytest.mark.parametrize("routine", ["lanczos", "power"])
def test_a_broken_member_is_reported_and_hurts_no_other(routine):
    matrices = symmetric(SPREAD)
    broken = torch.cat([matrices, torch.full_like(matrices[:1], torch.nan)])

    def search(a: Tensor) -> list[Eigenpair]:
        if routine == "lanczos":
            return list(lanczos(explicit(a), a[:, 0], generator(), tolerance=1e-6))
        return [power_iteration(explicit(a), a[:, 0], generator(), max_products=300)]

    for with_broken, without in zip(search(broken), search(matrices), strict=True):
        assert with_broken.value[2].isnan()
        assert with_broken.converged.tolist() == [True, True, False]
        torch.testing.assert_close(with_broken.value[:2], without.value, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("routine", ["lanczos", "power"])
def test_members_together_are_the_members_alone(routine):
    spectra = torch.stack([torch.linspace(-1, 3, 40), torch.logspace(-3, 2, 40), torch.eye(40)[0]]).double()
    matrices = symmetric(spectra)

    def search(a: Tensor) -> list[Eigenpair]:
        if routine == "lanczos":
            return list(lanczos(explicit(a), a[:, 0], generator(), tolerance=1e-5))
        return [power_iteration(explicit(a), a[:, 0], generator(), max_products=300)]

    together = search(matrices)
    for m in range(3):
        for end, alone in zip(together, search(matrices[m : m + 1]), strict=True):
            torch.testing.assert_close(end.value[m : m + 1], alone.value, rtol=1e-12, atol=1e-14)
            torch.testing.assert_close(end.error[m : m + 1], alone.error, rtol=1e-4, atol=1e-12)
            assert end.products >= alone.products


def test_power_iteration_finds_the_largest_modulus_with_its_sign():
    spectra = torch.stack([torch.linspace(-5.0, 3.0, 30), torch.linspace(-1.0, 4.0, 30)]).double()
    found = power_iteration(explicit(symmetric(spectra)), spectra, generator(), tolerance=1e-6, max_products=2000)
    torch.testing.assert_close(found.value, torch.tensor([-5.0, 4.0], dtype=torch.float64), rtol=1e-8, atol=0.0)
    assert found.converged.all()
    image = explicit(symmetric(spectra))(found.vector)
    torch.testing.assert_close((image - found.value[:, None] * found.vector).norm(dim=1), found.error)


def test_a_warm_start_saves_products():
    case = network_case("plain", "tanh", 3)

    def operator() -> Operator:
        return hessian_operator(case.ensemble, [case.batch], cross_entropy)

    like = case.ensemble.theta.clone()
    first = power_iteration(operator(), like, generator(), max_products=400)
    case.ensemble.theta.add_(torch.randn_like(like), alpha=1e-3)
    cold = power_iteration(operator(), like, generator(), max_products=400)
    warm = power_iteration(operator(), like, generator(), start=first.vector, max_products=400)
    assert cold.converged.all()
    assert warm.converged.all()
    assert warm.products < cold.products / 2
    torch.testing.assert_close(warm.value, cold.value, rtol=1e-2, atol=0.0)


def test_a_start_that_is_none_is_replaced():
    spectra = torch.linspace(-1.0, 4.0, 30, dtype=torch.float64).expand(3, 30)
    start = torch.ones(3, 30, dtype=torch.float64)
    start[1], start[2, 4] = 0.0, torch.inf
    operator = explicit(symmetric(spectra))
    found = power_iteration(operator, spectra, generator(), start=start, tolerance=1e-3, max_products=2000)
    assert found.converged.all()
    torch.testing.assert_close(found.value, torch.full_like(found.value, 4.0), rtol=1e-4, atol=0.0)


def test_power_iteration_says_when_it_was_stopped():
    spectra = torch.linspace(-4.0, 4.0, 30, dtype=torch.float64)[None]  # two eigenvalues of the largest modulus
    found = power_iteration(explicit(symmetric(spectra)), spectra, generator(), max_products=50)
    assert found.products == 50
    assert not found.converged.any()
    assert (found.error > 1e-2 * found.value.abs()).all()
