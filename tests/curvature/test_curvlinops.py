"""Products against curvlinops, member by member, in float64."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from homotopy_bench.curvature.forward_over_reverse import streamed_hessian_operator
from homotopy_bench.curvature.products import gauss_newton_operator, hessian_operator, rebuilt_hessian_operator
from homotopy_bench.ensemble.losses import Loss, cross_entropy
from tests.curvature.exact import NETWORKS, network_case

with warnings.catch_warnings():  # both script functions with torch.jit, of which torch warns that it is deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    importlib.import_module("torch._decomp.decompositions_for_jvp")  # torch would load it at the first product
    from curvlinops import GGNLinearOperator, HessianLinearOperator

OPERATORS: list[tuple[Callable[..., Callable[[Tensor], Tensor]], type]] = [
    (hessian_operator, HessianLinearOperator),
    (rebuilt_hessian_operator, HessianLinearOperator),
    (streamed_hessian_operator, HessianLinearOperator),
    (gauss_newton_operator, GGNLinearOperator),
]


def mean_square(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean over samples and outputs of the squared error of each member."""
    return (outputs - targets).square().mean(dim=(1, 2))


LOSSES: dict[str, tuple[Loss, nn.Module]] = {
    "cross_entropy": (cross_entropy, nn.CrossEntropyLoss()),
    "mean_square": (mean_square, nn.MSELoss()),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("block", "activation"), NETWORKS)
@pytest.mark.parametrize(("ours", "theirs"), OPERATORS)
def test_products_are_those_of_curvlinops(ours, theirs, block, activation, loss):
    case = network_case(block, activation, 3)
    objective, module_loss = LOSSES[loss]
    x, labels = case.batch
    y = labels if loss == "cross_entropy" else torch.randn(3, 12, 3, dtype=torch.float64)
    batches = list(zip(torch.split(x, 5, dim=1), torch.split(y, 5, dim=1), strict=True))  # of 5, 5 and 2 samples
    operator = ours(case.ensemble, batches, objective)
    vectors = torch.randn_like(case.ensemble.theta)
    found = operator(vectors)
    for m, module in enumerate(case.modules):
        data = [(xs[m], ys[m]) for xs, ys in batches]
        reference = theirs(module, module_loss, list(module.parameters()), data, check_deterministic=False)
        torch.testing.assert_close(found[m], reference @ vectors[m], rtol=1e-10, atol=1e-12)
