"""Tailored activations have the constants of the package ``dks``, or of its conditions under another quadrature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.integrate
import torch

from homotopy_bench.core.errors import InputError
from homotopy_bench.models.tailored import Tailored, leaky_c_map, leaky_slope, tailored
from tests.composing import compose

# What dks 0.1.2 finds (base/activation_transform.py, _get_activations_params, for a chain of so many layers): slope, or
# input_scale, input_shift, output_scale and output_shift. The package itself is no dependency of the tests: it reads a
# private part of scipy, and takes a quarter of a minute for these.
PUBLISHED: dict[tuple[str, int], tuple[float, ...]] = {
    ("tat_leaky_relu", 16): (0.10449862480163574,),
    ("tat_leaky_relu", 32): (0.3202233910560608,),
    ("tat_tanh", 32): (0.10225538578342877, 0.5303669016386884, 12.778130209891055, -0.487185032639974),
    ("dks_tanh", 32): (0.16130685348637103, 0.582648896581967, 8.542521461116337, -0.5149882350104767),
    ("dks_softplus", 32): (0.41421071670588916, 0.41127302712495406, 4.014604994009494, -0.9399740054204967),
}


def gaussian_mean(function: Callable[[float], float]) -> float:
    """Return E f(z) by adaptive quadrature, which shares nothing with that of the package."""
    value, _ = scipy.integrate.quad(
        lambda z: function(z) * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), -12, 12, epsabs=1e-13, epsrel=1e-13, limit=200
    )
    return float(value)


def derivatives(activation: Tailored) -> tuple[Callable[[float], float], ...]:
    """Return an activation and its first two derivatives as functions of numbers, by autograd."""

    def of_order(order: int) -> Callable[[float], float]:
        def at(z: float) -> float:
            x = torch.tensor(z, dtype=torch.float64, requires_grad=True)
            y = activation(x)
            for _ in range(order):
                (y,) = torch.autograd.grad(y, x, create_graph=True)
            return y.item()

        return at

    return of_order(0), of_order(1), of_order(2)


@pytest.mark.parametrize("depth", [5, 32])
@pytest.mark.parametrize("name", ["dks_tanh", "dks_softplus", "tat_tanh"])
def test_a_smooth_activation_has_its_properties(name: str, depth: int) -> None:
    activation = tailored(name, depth)
    assert isinstance(activation, Tailored)
    value, slope, curvature = derivatives(activation)
    assert gaussian_mean(lambda z: value(z) ** 2) == pytest.approx(1, abs=1e-8)
    assert gaussian_mean(lambda z: value(z) * slope(z) * z) == pytest.approx(1, abs=1e-8)
    c_slope = gaussian_mean(lambda z: slope(z) ** 2)
    if name.startswith("dks"):
        assert gaussian_mean(value) == pytest.approx(0, abs=1e-8)
        assert c_slope**depth == pytest.approx(1.5, abs=1e-7)
    else:
        assert c_slope == pytest.approx(1, abs=1e-8)
        assert depth * gaussian_mean(lambda z: curvature(z) ** 2) == pytest.approx(0.3, abs=1e-7)


@pytest.mark.parametrize(("name", "depth"), PUBLISHED, ids=str)
def test_the_constants_are_those_of_the_authors_package(name: str, depth: int) -> None:
    found = tailored(name, depth)
    own = [
        getattr(found, key)
        for key in (("alpha", "beta", "gamma", "delta") if isinstance(found, Tailored) else ("slope",))
    ]
    assert own == pytest.approx(PUBLISHED[name, depth], abs=1e-6)


@pytest.mark.parametrize("depth", [13, 32])
def test_leaky_relu_takes_the_cosine_0_to_its_target(depth: int) -> None:
    slope = leaky_slope(depth)
    activation = tailored("tat_leaky_relu", depth)
    generator = torch.Generator().manual_seed(0)
    z, other = torch.randn(2, 200_000, dtype=torch.float64, generator=generator)
    assert activation(z).square().mean().item() == pytest.approx(1, abs=0.02)
    for c in (0.0, 0.5, 0.9):
        pair = c * z + (1 - c**2) ** 0.5 * other
        assert (activation(z) * activation(pair)).mean().item() == pytest.approx(leaky_c_map(c, slope), abs=0.02)
    c = 0.0
    for _ in range(depth):
        c = leaky_c_map(c, slope)
    assert c == pytest.approx(0.9, abs=1e-9)


def test_a_network_too_shallow_is_refused() -> None:
    with pytest.raises(InputError, match=r"activation=tat_leaky_relu: 12 layers are too few"):
        compose("method=baseline", "model.depth=12", "model.activation=tat_leaky_relu").model.build((40,), 10)
    with pytest.raises(InputError, match="block=plain"):
        compose("method=baseline", "model.block=residual", "model.activation=dks_tanh")
