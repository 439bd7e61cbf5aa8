"""The spectrum against dense matrices and closed forms, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from homotopy_bench.curvature.density import Quadrature
from homotopy_bench.landscape.effective_ranks import effective_ranks
from homotopy_bench.landscape.measurement import Measurement
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.landscape.spectrum import FAST, SpectrumOptions, layer_spectrum, spectrum
from tests.landscape.dense import dense_hessian
from tests.landscape.quadratic import relu_network


def figures(networks: Networks, samples: Samples, options: SpectrumOptions) -> dict[str, Measurement]:
    return spectrum(networks, samples, options) | layer_spectrum(networks, samples, options)


CLOSE = SpectrumOptions(tolerance=1e-8, max_products=200, trace_probes=200, steps=200, starts=4)


def data() -> Samples:
    torch.manual_seed(1)
    return Samples(torch.randn(30, 5, dtype=torch.float64), torch.arange(30) % 3, "train")


def softmax_hessian(network: nn.Linear, samples: Samples) -> Tensor:
    """mean over samples of (diag p - p p') kron x x', for weights in the order of rows."""
    p = network(samples.x).softmax(dim=1).detach()
    covariance = torch.diag_embed(p) - p[:, :, None] * p[:, None]
    outer = samples.x[:, :, None] * samples.x[:, None]
    return torch.stack([torch.kron(c, o) for c, o in zip(covariance, outer, strict=True)]).mean(dim=0)


def test_softmax_regression_has_the_spectrum_of_its_closed_form() -> None:
    torch.manual_seed(0)
    modules = [nn.Linear(5, 3, bias=False).double() for _ in range(2)]
    samples = data()
    found = spectrum(Networks.of(modules), samples, CLOSE)
    for row, network in enumerate(modules):
        exact = np.linalg.eigvalsh(softmax_hessian(network, samples).numpy())
        assert found["lambda_max"].value[row].item() == pytest.approx(exact[-1], rel=1e-8)
        assert found["lambda_min"].value[row].item() == pytest.approx(exact[0], abs=1e-8)
        trace = found["trace"]
        assert abs(trace.value[row].item() - exact.sum()) < 4 * trace.error[row].item()
        absolute = np.abs(exact) / np.abs(exact).sum()
        inside = absolute[absolute > 1e-12]
        ranks = {
            "rank_regularised": (exact.clip(0) / (exact.clip(0) + 1e-3)).sum(),
            "rank_entropy": np.exp(-(inside * np.log(inside)).sum()),
            "rank_stable": exact.sum() / exact[-1],
            "rank_participation": exact.sum() ** 2 / (exact**2).sum(),
        }
        for name, value in ranks.items():
            error = found[name].error[row].item()
            assert abs(found[name].value[row].item() - value) < 5 * error + 1e-6 * value
            assert error < 0.5 * value
        assert found["share_negative"].value[row].item() == pytest.approx(0.0, abs=1e-6)


def test_a_two_layer_linear_network_has_the_spectrum_of_its_dense_hessian() -> None:
    torch.manual_seed(2)
    modules = [nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3)).double() for _ in range(2)]
    networks, samples = Networks.of(modules), data()
    found, layers = spectrum(networks, samples, CLOSE), layer_spectrum(networks, samples, CLOSE)
    for row, network in enumerate(modules):
        dense = dense_hessian(network, samples)
        exact = np.linalg.eigvalsh(dense.numpy())
        assert found["lambda_max"].value[row].item() == pytest.approx(exact[-1], rel=1e-7)
        assert found["lambda_min"].value[row].item() == pytest.approx(exact[0], rel=1e-6)
        assert exact[0] < 0.0 < found["share_negative"].value[row].item()
        for layer, columns in networks.ensemble.layers().items():
            block = np.linalg.eigvalsh(dense[columns, columns].numpy())
            assert layers[f"lambda_max/{layer}"].value[row].item() == pytest.approx(block[-1], rel=1e-7)
            trace = layers[f"trace/{layer}"]
            assert abs(trace.value[row].item() - block.sum()) < 4 * trace.error[row].item()
        nodes, weights = (found["density"].tables[name][row] for name in ("nodes", "weights"))
        second = (weights * nodes.square()).sum(dim=1).mean().item() * len(exact)
        assert second == pytest.approx((exact**2).sum(), rel=0.5)


def test_ranks_of_a_known_spectrum() -> None:
    values = np.array([4.0, 1.0, 1.0, 0.0, -2.0])
    nodes = torch.from_numpy(values)[None, None]
    found = effective_ranks(Quadrature(nodes, torch.full_like(nodes, 0.2), 5), 5, 1.0)
    p = np.abs(values[values != 0]) / np.abs(values).sum()
    expected = {
        "rank_regularised": 4 / 5 + 1 / 2 + 1 / 2,
        "rank_entropy": np.exp(-(p * np.log(p)).sum()),
        "rank_stable": values.sum() / 4.0,
        "rank_participation": values.sum() ** 2 / (values**2).sum(),
        "share_negative": 0.2,
    }
    assert {name: round(value.item(), 10) for name, value in found.items()} == {
        name: round(float(value), 10) for name, value in expected.items()
    }
    with pytest.raises(ValueError, match="regularisation = 0"):
        effective_ranks(Quadrature(nodes, torch.full_like(nodes, 0.2), 5), 5, 0.0)


@pytest.mark.parametrize("options", [FAST, SpectrumOptions(steps=10, starts=2)], ids=["fast", "full"])
def test_many_networks_at_once_are_each_of_them_and_one_that_is_not_finite_has_no_figures(
    options: SpectrumOptions,
) -> None:
    modules, samples = [relu_network(seed) for seed in range(3)], data()
    with torch.no_grad():
        next(modules[1].parameters()).fill_(torch.nan)
    together = figures(Networks.of(modules), samples, options)
    for row in (0, 2):
        for name, found in figures(Networks.of([modules[row]]), samples, options).items():
            torch.testing.assert_close(together[name].value[row], found.value[0], rtol=1e-6, atol=1e-9)
            assert together[name].converged[row] == found.converged[0]
    for found in together.values():
        entry = found.entry(1)
        assert (entry["value"], entry["converged"]) == (None, False)
        assert entry["reason"] == "the loss or its derivatives are not finite"
    assert together["lambda_max"].convention.samples == 30
    assert together["lambda_max"].cost.products > 0


def test_the_spectrum_in_float32_is_about_that_in_float64() -> None:
    networks, samples = Networks.of([relu_network(seed) for seed in range(2)], torch.float32), data()
    options = SpectrumOptions(steps=15, starts=2)
    found = figures(networks, samples.to(torch.float32), options)
    exact = figures(networks.to(torch.float64), samples, options)
    for name in found:
        torch.testing.assert_close(found[name].value.double(), exact[name].value.double(), rtol=5e-3, atol=1e-4)


def test_ranks_from_too_few_steps_say_that_they_have_not_settled() -> None:
    networks, samples = Networks.of([relu_network(0)]), data()
    few, many = (spectrum(networks, samples, SpectrumOptions(steps=steps, starts=20)) for steps in (4, 60))
    for name in ("rank_regularised", "share_negative"):
        wrong = abs(few[name].value - many[name].value).item()
        assert wrong > 0.1 * many[name].value.item()
        assert not few[name].converged.item()
        assert wrong < 4 * few[name].error.item()
        assert few[name].error.item() > 2 * many[name].error.item()
    one = spectrum(networks, samples, SpectrumOptions(steps=10, starts=1))["rank_entropy"]
    assert one.value.isfinite().all()
    assert not one.converged.any()  # a single start has no standard error


def test_the_density_has_the_moments_of_the_dense_hessian() -> None:
    network, samples = relu_network(4), data()
    eigenvalues = torch.linalg.eigvalsh(dense_hessian(network, samples))
    found = spectrum(Networks.of([network]), samples, SpectrumOptions(steps=4, starts=300))["density"]
    nodes, weights = (found.tables[name][0] for name in ("nodes", "weights"))
    for power in (1, 2, 3, 4):
        single = (weights * nodes**power).sum(dim=1)
        error = single.std().item() / len(single) ** 0.5
        expected = (eigenvalues**power).mean().item()
        assert abs(single.mean().item() - expected) < 4 * error
        assert error < 0.1 * abs(expected)
