"""Estimates of traces against exact ones, over many independent draws."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from homotopy_bench.curvature.estimate import Estimate
from homotopy_bench.curvature.hutchinson import hutchinson_trace, layer_traces
from homotopy_bench.curvature.hutchpp import hutchpp_trace
from homotopy_bench.curvature.products import hessian_operator
from homotopy_bench.curvature.xtrace import xtrace
from homotopy_bench.ensemble.losses import cross_entropy
from tests.curvature.exact import NETWORKS, dense, explicit, generator, network_case, symmetric

DRAWS = 100
SPECTRA = torch.stack(
    [torch.linspace(-1.0, 3.0, 60), torch.logspace(-4.0, 2.0, 60), torch.ones(60), torch.linspace(-1.0, 1.0, 60) ** 5]
).double()


@pytest.fixture(scope="module", params=NETWORKS, ids="-".join)
def network(request):
    """The Hessians of three members, and which columns are which parameter's."""
    block, activation = request.param
    case = network_case(block, activation, 3)
    operator = hessian_operator(case.ensemble, [case.batch], cross_entropy)
    return dense(operator, operator.like), operator.columns


def within(estimates: list[Estimate], exact: Tensor) -> Tensor:
    """In how many of the draws each member's trace lies within three standard errors, shape (M,)."""
    hits = [(e.value - exact).abs() <= 3.0 * e.error + 1e-10 * exact.abs() for e in estimates]
    return torch.stack(hits).sum(dim=0)


def test_hutchinsons_error_holds_for_matrices():
    matrices = symmetric(SPECTRA)
    estimates = [hutchinson_trace(explicit(matrices), SPECTRA, generator(draw)) for draw in range(DRAWS)]
    assert (within(estimates, SPECTRA.sum(dim=1)) >= 95).all()
    assert all(estimate.products == 30 for estimate in estimates)


def test_hutchinsons_error_holds_for_networks(network):
    matrices, _ = network
    estimates = [hutchinson_trace(explicit(matrices), matrices[:, 0], generator(draw)) for draw in range(DRAWS)]
    assert (within(estimates, matrices.diagonal(dim1=1, dim2=2).sum(dim=1)) >= 95).all()


def test_hutchinsons_spread_is_that_of_the_formula():
    matrices = symmetric(SPECTRA)
    estimates = [hutchinson_trace(explicit(matrices), SPECTRA, generator(draw), probes=10) for draw in range(300)]
    off_diagonal = matrices - torch.diag_embed(matrices.diagonal(dim1=1, dim2=2))
    expected = (2.0 * off_diagonal.square().sum(dim=(1, 2)) / 10).sqrt()
    spread = torch.stack([estimate.value for estimate in estimates]).std(dim=0)
    torch.testing.assert_close(spread, expected, rtol=0.15, atol=1e-12)
    squared = torch.stack([estimate.error.square() for estimate in estimates]).mean(dim=0)
    torch.testing.assert_close(squared.sqrt(), expected, rtol=0.15, atol=1e-12)


def test_every_layers_error_holds(network):
    matrices, columns = network
    draws = [layer_traces(explicit(matrices), matrices[:, 0], generator(draw), columns) for draw in range(DRAWS)]
    diagonal = matrices.diagonal(dim1=1, dim2=2)
    for name, block in columns.items():
        assert (within([draw[name] for draw in draws], diagonal[:, block].sum(dim=1)) >= 95).all(), name


def test_the_layers_add_up_to_the_trace_of_the_same_probes(network):
    matrices, columns = network
    layers = layer_traces(explicit(matrices), matrices[:, 0], generator(5), columns, probes=7)
    whole = hutchinson_trace(explicit(matrices), matrices[:, 0], generator(5), probes=7)
    total = torch.stack([estimate.value for estimate in layers.values()]).sum(dim=0)
    torch.testing.assert_close(total, whole.value)
    assert {estimate.products for estimate in layers.values()} == {7}


def test_a_block_diagonal_matrix_of_multiples_of_one_needs_two_probes():
    diagonal = torch.tensor([[2.0, 2.0, -1.0, -1.0, -1.0]])
    blocks = {"first": slice(0, 2), "second": slice(2, 5)}
    traces = layer_traces(lambda v: diagonal * v, diagonal, generator(), blocks, probes=2)
    assert {name: (trace.value.item(), trace.error.item()) for name, trace in traces.items()} == {
        "first": (4.0, 0.0),
        "second": (-3.0, 0.0),
    }


@pytest.mark.parametrize("tolerance", [1e-4, 10.0])
def test_convergence_is_the_error_beside_the_value(tolerance):
    estimate = hutchinson_trace(explicit(symmetric(SPECTRA)), SPECTRA, generator(), tolerance=tolerance)
    assert estimate.converged.tolist() == (estimate.error <= tolerance * estimate.value.abs()).tolist()
    assert estimate.converged[:2].tolist() == [tolerance > 1.0] * 2


def test_a_member_does_not_depend_on_its_neighbours():
    matrices = symmetric(SPECTRA)
    together = hutchinson_trace(explicit(matrices), SPECTRA, generator(1))
    alone = hutchinson_trace(explicit(matrices[1:2]), SPECTRA[1:2], generator(1))
    torch.testing.assert_close(together.value[1:2], alone.value, rtol=1e-13, atol=0.0)


def test_one_probe_has_no_error():
    like = torch.zeros(1, 3)
    with pytest.raises(ValueError, match="probes = 1"):
        hutchinson_trace(torch.zeros_like, like, generator(), probes=1)
    with pytest.raises(ValueError, match="probes = 1"):
        layer_traces(torch.zeros_like, like, generator(), {"all": slice(0, 3)}, probes=1)


@pytest.mark.parametrize("routine", [hutchpp_trace, xtrace])
def test_the_sketchers_errors_hold_for_matrices(routine):
    matrices = symmetric(SPECTRA)
    estimates = [routine(explicit(matrices), SPECTRA, generator(draw), sketch=15) for draw in range(DRAWS)]
    assert (within(estimates, SPECTRA.sum(dim=1)) >= 95).all()


@pytest.mark.parametrize("routine", [hutchpp_trace, xtrace])
def test_the_sketchers_errors_hold_for_networks(routine, network):
    matrices, _ = network
    estimates = [routine(explicit(matrices), matrices[:, 0], generator(draw), sketch=12) for draw in range(DRAWS)]
    assert (within(estimates, matrices.diagonal(dim1=1, dim2=2).sum(dim=1)) >= 95).all()


@pytest.mark.parametrize("routine", [hutchpp_trace, xtrace])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_the_sketchers_are_exact_for_low_rank(routine, scale):
    spectra = torch.zeros(2, 40, dtype=torch.float64)
    spectra[0, :4], spectra[1, 0] = torch.tensor([3.0, -5.0, 0.5, 4.0]), 2.0
    matrices = symmetric(spectra) * scale
    for draw in range(5):
        for sketch in (5, 9):
            estimate = routine(explicit(matrices), spectra, generator(draw), sketch=sketch)
            torch.testing.assert_close(estimate.value / scale, spectra.sum(dim=1), rtol=1e-10, atol=0.0)
        # XTrace's error looks at estimates with two probes less, which have to be exact as well.
        assert (estimate.error < 1e-10 * scale).all()
        assert estimate.converged.all()


@pytest.mark.parametrize("routine", [hutchpp_trace, xtrace])
def test_a_zero_matrix_has_no_trace(routine):
    estimate = routine(torch.zeros_like, torch.zeros(2, 9), generator(), sketch=3)
    assert estimate.value.tolist() == estimate.error.tolist() == [0.0, 0.0]


def test_xtrace_is_the_mean_over_left_out_probes_written_out():
    matrices, count = symmetric(SPECTRA[:1]), 6
    probes = []

    def operator(v):
        probes.append(v)
        return explicit(matrices)(v)

    estimate = xtrace(operator, SPECTRA[:1], generator(4), sketch=count)
    assert estimate.products == len(probes) == 2 * count
    a, w = matrices[0], torch.stack([v[0] for v in probes[:count]], dim=1)

    def sample(i: int, without: tuple[int, ...]) -> float:
        others = [j for j in range(count) if j not in (i, *without)]
        v = torch.linalg.qr(a @ w[:, others])[0]
        h = w[:, i] - v @ (v.T @ w[:, i])
        return float(torch.trace(v.T @ a @ v) + (60 - len(others)) * (h @ a @ h) / (h @ h))

    t = [sample(i, ()) for i in range(count)]
    pairs = [(i, j) for i in range(count) for j in range(count) if i != j]
    covariance = sum((t[i] - sample(i, (j,))) * (t[j] - sample(j, (i,))) for i, j in pairs) / len(pairs)
    assert covariance > 0.0
    samples = torch.tensor(t, dtype=torch.float64)
    torch.testing.assert_close(estimate.value[0], samples.mean())
    torch.testing.assert_close(estimate.error[0], (samples.var() / count + covariance).sqrt())


@pytest.mark.parametrize("routine", [hutchpp_trace, xtrace])
def test_the_sketchers_errors_are_neither_too_small_nor_too_large(routine):
    matrices, exact = symmetric(SPECTRA[[0, 1, 3]]), SPECTRA[[0, 1, 3]].sum(dim=1)
    estimates = [routine(explicit(matrices), matrices[:, 0], generator(draw), sketch=12) for draw in range(200)]
    deviation = torch.stack([estimate.value - exact for estimate in estimates]).square().mean(dim=0)
    claimed = torch.stack([estimate.error for estimate in estimates]).square().mean(dim=0)
    torch.testing.assert_close(claimed.sqrt(), deviation.sqrt(), rtol=0.2, atol=0.0)


@pytest.mark.parametrize("routine", [hutchpp_trace, xtrace])
def test_a_decaying_spectrum_is_where_sketches_pay(routine):
    spectrum = torch.logspace(-6.0, 2.0, 60, dtype=torch.float64)[None]
    operator = explicit(symmetric(spectrum))
    sketch = 10 if routine is hutchpp_trace else 15
    sketched = [routine(operator, spectrum, generator(draw), sketch=sketch) for draw in range(20)]
    plain = [hutchinson_trace(operator, spectrum, generator(draw), probes=30) for draw in range(20)]
    assert {estimate.products for estimate in sketched + plain} == {30}

    def deviation(estimates: list[Estimate]) -> Tensor:
        return (torch.stack([e.value for e in estimates]) - spectrum.sum()).square().mean().sqrt()

    assert deviation(sketched) < 0.2 * deviation(plain)


@pytest.mark.parametrize("routine", [hutchinson_trace, hutchpp_trace, xtrace])
def test_a_broken_member_is_reported_and_hurts_no_other(routine):
    matrices = symmetric(SPECTRA)
    broken = torch.cat([matrices, torch.full_like(matrices[:1], torch.nan)])
    with_broken = routine(explicit(broken), broken[:, 0], generator())
    without = routine(explicit(matrices), SPECTRA, generator())
    assert with_broken.value[4].isnan()
    assert not with_broken.converged[4]
    torch.testing.assert_close(with_broken.value[:4], without.value, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("routine", "least"), [(hutchpp_trace, 2), (xtrace, 3)])
@pytest.mark.parametrize("beyond", [-1, 5])
def test_a_sketch_has_enough_directions_for_an_error_and_fits(routine, least, beyond):
    sketch = least - 1 if beyond < 0 else beyond
    with pytest.raises(ValueError, match=f"sketch = {sketch}: accepted are {least} to 4"):
        routine(torch.zeros_like, torch.zeros(1, 4), generator(), sketch=sketch)
    for accepted in (least, 4):
        assert routine(torch.zeros_like, torch.zeros(1, 4), generator(), sketch=accepted).value.item() == 0.0
