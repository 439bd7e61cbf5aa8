"""Hessian products of networks on their path against those of the formulas, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from homotopy_bench.curvature.forward_over_reverse import streamed_hessian_operator
from homotopy_bench.curvature.products import hessian_operator, rebuilt_hessian_operator
from homotopy_bench.ensemble.losses import cross_entropy
from tests.cases import METHODS
from tests.reference import skip_and_branch
from tests.training_runs import begin

product_of: Callable[..., tuple[Tensor, Tensor]] = torch.autograd.functional.hvp

T = (0.0, 0.35, 1.0)
CASES = (
    "identity-linear",
    "identity-circular",
    "convexity-literal",
    "convexity-preserving",
    "convexity-shared",
    "convexity-per-neuron",
)
DEPTH, WIDTH, CLASSES = 3, 4, 10
SMALL = (f"model.depth={DEPTH}", f"model.width={WIDTH}", "dataset.samples=500", "hardware.dtype=float64")


def bent(case: str, z: Tensor, angle: Tensor) -> Tensor:
    if "method.form=variance_preserving" in METHODS[case]:
        return torch.where(z > 0, z * angle.cos(), z * angle.sin())
    return torch.where(z > 0, z, z * angle.tan())


def logits(case: str, t: float, named: dict[str, Tensor], x: Tensor) -> Tensor:
    """The network of a case at t from its formula; an angle at its bound has the derivative of an angle inside."""
    bound = math.pi / 4 * (1 - t)
    for layer in range(DEPTH):
        prefix = f"hidden.{layer}.affine"
        z = functional.linear(x, named[f"{prefix}.weight"], named[f"{prefix}.bias"])
        if case.startswith("identity"):
            s, c = skip_and_branch(case.removeprefix("identity-"), t, DEPTH - 1)
            x = s * x + c * z.relu() if layer else z.relu()
        else:
            angle = named.get("homotopy.theta", named.get(f"homotopy.theta_{layer}", torch.tensor(bound).double()))
            x = bent(case, z, angle.clamp(0.0, bound) if t < 1 else angle.detach() * 0.0)
    return functional.linear(x, named["output.weight"], named["output.bias"])


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_products_on_the_path_are_those_of_the_exact_hessian(case: str, members: int) -> None:
    training = begin(*((*METHODS[case], *SMALL, f"seed={seed}") for seed in range(members)))
    ensemble, t = training.ensemble, T[:members] if members > 1 else T[1:2]
    torch.manual_seed(0)
    for name, values in ensemble.parameters.items():
        values.detach().copy_(
            0.3 * torch.rand_like(values) if "theta" in name else values.detach() + 0.2 * torch.randn_like(values)
        )
    ensemble.assign(training.method.coefficients(torch.tensor(t, dtype=torch.float64), ensemble.network))
    x, y = torch.randn(members, 6, 40, dtype=torch.float64), torch.randint(CLASSES, (members, 6))
    vectors = torch.randn_like(ensemble.theta)
    exact = []
    for member in range(members):

        def loss(flat: Tensor, member: int = member) -> Tensor:
            shapes = {name: values.shape[1:] for name, values in ensemble.parameters.items()}
            pieces = torch.split(flat, [shape.numel() for shape in shapes.values()])
            named = {name: piece.view(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}
            return functional.cross_entropy(logits(case, t[member], named, x[member]), y[member])

        exact.append(product_of(loss, ensemble.theta[member].detach(), vectors[member])[1])
    for make in (hessian_operator, streamed_hessian_operator, rebuilt_hessian_operator):
        product = make(ensemble, [(x, y)], cross_entropy)(vectors)
        torch.testing.assert_close(product, torch.stack(exact), rtol=1e-9, atol=1e-12)
