"""The largest eigenvalue alone against dense eigenvalues in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from homotopy_bench.curvature.krylov import Krylov
from homotopy_bench.curvature.largest import largest_eigenvalue
from homotopy_bench.curvature.probes import spherical
from homotopy_bench.curvature.products import hessian_operator
from homotopy_bench.ensemble.losses import cross_entropy
from tests.curvature.exact import NETWORKS, explicit, generator, network_case, symmetric

DECAYING = torch.stack([torch.logspace(-4, 1, 200), torch.linspace(-1.3, 1.6, 200) ** 5]).double()


def untrusting(matrices: Tensor, draw: int, tolerance: float, squared: bool = False) -> tuple[int, Tensor]:
    """Products, and values, when every largest Ritz value has a residual r, or r^2/gap, within the tolerance."""
    krylov = Krylov(explicit(matrices), spherical(matrices[:, 0], generator(draw)), 200)
    krylov.extend()
    done = torch.zeros(len(matrices), dtype=torch.bool)
    while not done.all():
        krylov.extend()
        values, vectors = krylov.ritz()
        errors = krylov.beta[:, None] * vectors[:, -1].abs()
        gap = values[:, -1] - values[:, -2] - errors[:, -2]
        error = torch.where(gap > 0.0, errors[:, -1] ** 2 / gap, torch.inf) if squared else errors[:, -1]
        done |= error <= tolerance * values[:, -1]
    return krylov.steps, values[:, -1]


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(("block", "activation"), NETWORKS)
def test_the_largest_eigenvalue_of_a_network(members, block, activation):
    case = network_case(block, activation, members)
    operator = hessian_operator(case.ensemble, [case.batch], cross_entropy)
    top = largest_eigenvalue(operator, operator.like, generator(), tolerance=1e-8, max_products=400)
    exact = torch.linalg.eigvalsh(torch.stack([case.hessian(m) for m in range(members)]))[:, -1]
    torch.testing.assert_close(top.value, exact, rtol=1e-8, atol=0.0)
    assert top.converged.all()
    assert top.products == operator.products <= operator.like.shape[1]


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-8])
def test_the_value_is_within_the_tolerance_before_the_residual_is(tolerance):
    matrices = symmetric(DECAYING)
    saved = []
    for draw in range(5):
        top = largest_eigenvalue(explicit(matrices), DECAYING, generator(draw), tolerance=tolerance)
        assert top.converged.all()
        assert (top.error <= tolerance * top.value).all()
        assert (DECAYING.amax(dim=1) - top.value <= tolerance * top.value).all()
        saved.append(untrusting(matrices, draw, tolerance)[0] - top.products)
    assert min(saved) >= 0
    assert max(saved) > 0


@pytest.mark.parametrize("scale", [1e-25, 1e20])
def test_single_precision_holds_to_its_smallest_and_largest_numbers(scale):
    spectrum = torch.linspace(-3.0, 5.0, 40, dtype=torch.float64)[None]
    matrix = (symmetric(spectrum) * scale).float()
    found = largest_eigenvalue(explicit(matrix), torch.ones(1, 40), generator(0))
    assert found.converged.all()
    assert found.value.item() == pytest.approx(5.0 * scale, rel=1e-2, abs=0.0)


def test_the_vector_is_the_values():
    matrices = symmetric(DECAYING)
    top = largest_eigenvalue(explicit(matrices), DECAYING, generator(), tolerance=1e-6)
    torch.testing.assert_close(top.vector.norm(dim=1), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close((top.vector * explicit(matrices)(top.vector)).sum(dim=1), top.value)


def test_a_close_pair_fools_it_as_rarely_as_the_residual_and_not_as_often_as_the_square_over_the_gap():
    bulk = 0.3 * torch.randn(298, dtype=torch.float64, generator=generator()).abs()
    spectrum = torch.cat([bulk, torch.tensor([9.95, 10.0], dtype=torch.float64)])[None]
    matrices = symmetric(spectrum)
    wrong = {"ours": 0, "residual": 0, "squared": 0}
    for draw in range(40):
        values = {"ours": largest_eigenvalue(explicit(matrices), spectrum, generator(draw)).value}
        values["residual"] = untrusting(matrices, draw, 1e-3)[1]
        values["squared"] = untrusting(matrices, draw, 1e-3, squared=True)[1]
        for name, value in values.items():
            wrong[name] += int(10.0 - value > 1e-2)
    assert wrong["ours"] <= wrong["residual"] + 2
    assert wrong["squared"] > 20


def test_too_few_products_are_said_not_to_suffice():
    top = largest_eigenvalue(explicit(symmetric(DECAYING)), DECAYING, generator(), tolerance=1e-8, max_products=5)
    assert top.products == 5
    assert not top.converged.any()
    assert (top.value < DECAYING.amax(dim=1)).all()
    assert (top.error > 1e-8 * top.value).all()


def test_an_invariant_space_ends_the_process_with_the_exact_value():
    spectrum = torch.zeros(2, 50, dtype=torch.float64)
    spectrum[0, :3] = torch.tensor([5.0, -2.0, 1.0])
    top = largest_eigenvalue(explicit(symmetric(spectrum)), spectrum, generator(), tolerance=1e-12)
    assert top.products <= 5
    assert top.converged.all()
    torch.testing.assert_close(top.value, torch.tensor([5.0, 0.0], dtype=torch.float64))


def test_a_start_near_the_vector_saves_products():
    matrices = symmetric(DECAYING)
    cold = largest_eigenvalue(explicit(matrices), DECAYING, generator())
    warm = largest_eigenvalue(explicit(matrices), DECAYING, generator(), start=cold.vector)
    assert warm.products < cold.products / 2
    torch.testing.assert_close(warm.value, cold.value, rtol=1e-3, atol=0.0)


def test_members_together_are_the_members_alone_and_a_broken_one_hurts_none():
    matrices = symmetric(torch.cat([DECAYING, torch.eye(200)[:1].double()]))
    broken = torch.cat([matrices, torch.full_like(matrices[:1], torch.nan)])
    together = largest_eigenvalue(explicit(broken), broken[:, 0], generator())
    assert together.converged.tolist() == [True, True, True, False]
    assert together.value[3].isnan()
    products = []
    for m in range(3):
        alone = largest_eigenvalue(explicit(matrices[m : m + 1]), matrices[m : m + 1, 0], generator())
        torch.testing.assert_close(together.value[m : m + 1], alone.value, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(together.error[m : m + 1], alone.error, rtol=1e-4, atol=1e-12)
        products.append(alone.products)
    assert together.products == max(products)
