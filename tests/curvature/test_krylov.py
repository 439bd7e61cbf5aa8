"""The Krylov space itself: an orthonormal basis, and T the matrix in it."""

from __future__ import annotations

import pytest
import torch

from homotopy_bench.curvature.krylov import Krylov
from tests.curvature.exact import explicit, symmetric

SPECTRA = torch.stack([torch.logspace(-8, 0, 150), torch.cat([torch.linspace(0, 0.1, 140), torch.arange(1, 11)])])
SPECTRA = SPECTRA.double()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_basis_is_orthonormal_and_the_tridiagonal_is_the_matrix_in_it(dtype):
    matrices = symmetric(SPECTRA)
    krylov = Krylov(explicit(matrices.to(dtype)), torch.ones(2, 150, dtype=dtype), 60)
    while krylov.steps < krylov.limit:
        krylov.extend()
    basis = krylov.basis.double()
    rounding = 20.0 * torch.finfo(dtype).eps
    unit = torch.eye(60, dtype=torch.float64).expand(2, 60, 60)
    torch.testing.assert_close(basis @ basis.mT, unit, rtol=0.0, atol=rounding)
    torch.testing.assert_close(basis @ matrices @ basis.mT, krylov.tridiagonal, rtol=0.0, atol=10.0 * rounding)
    image = basis[:, -1:] @ matrices
    beyond = (image - image @ basis.mT @ basis).norm(dim=2)[:, 0]
    torch.testing.assert_close(krylov.beta, beyond, rtol=1e-3, atol=10.0 * rounding)


def test_almost_all_of_an_image_in_the_span_leaves_it_orthogonal_all_the_same():
    # From a start with all but 1e-6 of its length in one eigenvector the second vector is all cancellation.
    matrices = symmetric(SPECTRA)
    vectors = torch.linalg.eigh(matrices)[1]
    start = vectors[:, :, -1] + 1e-6 * vectors[:, :, :5].sum(dim=2)
    krylov = Krylov(explicit(matrices), start, 5)
    for _ in range(5):
        krylov.extend()
    unit = torch.eye(5, dtype=torch.float64).expand(2, 5, 5)
    torch.testing.assert_close(krylov.basis @ krylov.basis.mT, unit, rtol=0.0, atol=1e-14)


def test_an_invariant_space_is_seen_and_stays_as_it_is():
    spectrum = torch.zeros(1, 50, dtype=torch.float64)
    spectrum[0, :3] = torch.tensor([5.0, -2.0, 1.0])
    krylov = Krylov(explicit(symmetric(spectrum)), torch.ones_like(spectrum), 9)
    betas = []
    for _ in range(9):
        krylov.extend()
        betas.append(krylov.beta.item())
    end = betas.index(0.0) + 1
    assert end in (4, 5)
    assert not any(betas[end:])
    assert not krylov.tridiagonal[:, end:].any()
    assert not krylov.basis[:, end:].any()


def test_no_more_steps_are_taken_than_the_matrix_has_rows():
    krylov = Krylov(torch.zeros_like, torch.ones(1, 3), 10)
    assert krylov.limit == 3
    for _ in range(3):
        krylov.extend()
    assert krylov.beta.tolist() == [0.0]
