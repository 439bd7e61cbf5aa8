"""Products against exact Hessians and Gauss-Newton matrices of small networks, in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from homotopy_bench.core.errors import InputError
from homotopy_bench.curvature.forward_over_reverse import streamed_hessian_operator
from homotopy_bench.curvature.point import split_batches
from homotopy_bench.curvature.products import gauss_newton_operator, hessian_operator, rebuilt_hessian_operator
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.losses import cross_entropy, training_loss
from tests.curvature.exact import NETWORKS, OnceDifferentiable, Sine, dense, network_case

HESSIANS = [hessian_operator, streamed_hessian_operator, rebuilt_hessian_operator]


def assert_equal(found: Tensor, exact: Tensor) -> None:
    torch.testing.assert_close(found, exact, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(("block", "activation"), NETWORKS)
def test_the_operator_is_the_exact_hessian_of_every_member(members, block, activation):
    case = network_case(block, activation, members)
    operator = hessian_operator(case.ensemble, [case.batch], cross_entropy)
    found = dense(operator, operator.like)
    assert_equal(found, torch.stack([case.hessian(m) for m in range(members)]))
    assert operator.products == case.ensemble.theta.shape[1] == found.shape[1]
    assert_equal(found, found.mT)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(("block", "activation"), NETWORKS)
@pytest.mark.parametrize("make", [streamed_hessian_operator, rebuilt_hessian_operator])
def test_without_a_graph_the_products_are_the_same(make, members, block, activation):
    case = network_case(block, activation, members)
    operator = make(case.ensemble, [case.batch], cross_entropy)
    exact = torch.stack([case.hessian(m) for m in range(members)])
    vectors = [torch.randn_like(operator.like) for _ in range(3)]
    for v in vectors:
        assert_equal(operator(v), torch.einsum("mpq,mq->mp", exact, v))
    assert operator.products == len(vectors)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(("block", "activation"), NETWORKS)
def test_the_gauss_newton_operator_is_the_jacobians_around_the_loss(members, block, activation):
    case = network_case(block, activation, members)
    operator = gauss_newton_operator(case.ensemble, [case.batch], cross_entropy)
    found = dense(operator, operator.like)
    assert_equal(found, torch.stack([case.gauss_newton(m) for m in range(members)]))
    assert torch.linalg.eigvalsh(found).amin() > -1e-12
    assert operator.products == found.shape[1]


@pytest.mark.parametrize("make", [*HESSIANS, gauss_newton_operator])
def test_products_are_linear(make):
    case = network_case("plain", "tanh", 2)
    operator = make(case.ensemble, [case.batch], cross_entropy)
    u, v = torch.randn_like(operator.like), torch.randn_like(operator.like)
    assert_equal(operator(2.0 * u - 3.0 * v), 2.0 * operator(u) - 3.0 * operator(v))


@pytest.mark.parametrize("make", [*HESSIANS, gauss_newton_operator])
def test_a_subset_of_parameters_gives_the_diagonal_block(make):
    case = network_case("batchnorm", "tanh", 2)
    whole = make(case.ensemble, [case.batch], cross_entropy)
    part = make(case.ensemble, [case.batch], cross_entropy, "output.*")
    assert list(part.columns) == ["output.weight", "output.bias"]
    first, last = whole.columns["output.weight"].start, whole.columns["output.bias"].stop
    assert part.like.shape == (2, last - first) == (2, 21)
    block = dense(whole, whole.like)[:, first:last, first:last]
    assert_equal(dense(part, part.like), block)


@pytest.mark.parametrize("make", [hessian_operator, rebuilt_hessian_operator, gauss_newton_operator])
def test_a_part_without_second_derivative_is_refused(make):
    network = nn.Sequential(nn.Linear(4, 4), Sine(OnceDifferentiable), nn.Linear(4, 3))
    x, y = torch.randn(1, 5, 4), torch.tensor([[0, 1, 2, 0, 1]])
    with pytest.raises(RuntimeError, match="can be differentiated once only"):
        make(Ensemble([network]), [(x, y)], cross_entropy)


def test_columns_are_those_of_theta():
    case = network_case("batchnorm", "relu", 2)
    operator = hessian_operator(case.ensemble, [case.batch], cross_entropy)
    assert torch.equal(operator.like, case.ensemble.theta)
    for name, columns in operator.columns.items():
        assert torch.equal(operator.like[:, columns], case.ensemble.parameters[name].detach().flatten(1))


def test_an_unknown_parameter_is_named():
    case = network_case("plain", "relu", 1)
    with pytest.raises(InputError, match=r"parameters=fc\.\*: accepted: a pattern of .*output\.bias"):
        hessian_operator(case.ensemble, [case.batch], cross_entropy, "fc.*")


@pytest.mark.parametrize("make", [*HESSIANS, gauss_newton_operator])
def test_a_split_in_unequal_batches_is_the_split_as_one(make):
    case = network_case("plain", "tanh", 3)
    x, y = case.batch[0][0], case.batch[1][0]
    whole = make(case.ensemble, split_batches(x, y, 3, len(y)), cross_entropy)
    batches = split_batches(x, y, 3, 5)
    assert [labels.shape for _, labels in batches] == [(3, 5), (3, 5), (3, 2)]
    vectors = torch.randn_like(whole.like)
    assert_equal(make(case.ensemble, batches, cross_entropy)(vectors), whole(vectors))


@pytest.mark.parametrize("make", HESSIANS)
def test_the_objective_is_the_callers(make):
    case = network_case("plain", "tanh", 2)
    plain = make(case.ensemble, [case.batch], cross_entropy)
    smooth = make(case.ensemble, [case.batch], training_loss([0.0, 0.2], case.ensemble.theta))
    vectors = torch.randn_like(plain.like)
    assert_equal(smooth(vectors)[0], plain(vectors)[0])
    assert (smooth(vectors)[1] - plain(vectors)[1]).norm() > 1e-3


@pytest.mark.parametrize("make", [*HESSIANS, gauss_newton_operator])
def test_members_together_are_the_members_alone(make):
    case = network_case("batchnorm", "relu", 3)
    together = make(case.ensemble, [case.batch], cross_entropy)
    vectors = torch.randn_like(together.like)
    for m, module in enumerate(case.modules):
        alone = Ensemble([module], dtype=torch.float64)
        batch = case.batch[0][m : m + 1], case.batch[1][m : m + 1]
        assert_equal(make(alone, [batch], cross_entropy)(vectors[m : m + 1]), together(vectors)[m : m + 1])


@pytest.mark.parametrize("make", [*HESSIANS, gauss_newton_operator])
@pytest.mark.parametrize("members", [1, 2])
def test_measuring_leaves_the_ensemble_as_it_was_and_stays_where_it_was(make, members):
    case = network_case("batchnorm", "tanh", members)
    ensemble = case.ensemble
    ensemble.gradient.fill_(7.0)
    before = ensemble.theta.clone(), {name: values.clone() for name, values in ensemble.buffers.items()}
    operator = make(ensemble, [case.batch], cross_entropy)
    vectors = torch.randn_like(operator.like)
    first = operator(vectors)
    assert torch.equal(ensemble.theta, before[0])
    assert (ensemble.gradient == 7.0).all()
    assert all(torch.equal(ensemble.buffers[name], values) for name, values in before[1].items())
    ensemble.theta.mul_(2.0)
    for values in ensemble.buffers.values():
        values.zero_()
    assert torch.equal(operator(vectors), first)


@pytest.mark.parametrize("make", [*HESSIANS, gauss_newton_operator])
@pytest.mark.parametrize("members", [1, 2])
def test_in_training_mode_the_running_statistics_are_left_alone(make, members):
    case = network_case("batchnorm", "tanh", members)
    case.ensemble.train()
    before = {name: values.clone() for name, values in case.ensemble.buffers.items()}
    operator = make(case.ensemble, [case.batch], cross_entropy)
    found = dense(operator, operator.like)
    assert all(torch.equal(case.ensemble.buffers[name], values) for name, values in before.items())
    if make is not gauss_newton_operator:
        for module in case.modules:
            module.train()
        assert_equal(found, torch.stack([case.hessian(m) for m in range(members)]))


@pytest.mark.parametrize("make", [*HESSIANS, gauss_newton_operator])
def test_a_loss_without_curvature_has_none(make):
    ensemble = Ensemble([nn.Linear(3, 2) for _ in range(2)], dtype=torch.float64)
    batch = torch.randn(2, 4, 3, dtype=torch.float64), torch.zeros(2, 4)
    operator = make(ensemble, [batch], lambda z, y: z.mean(dim=(1, 2)))
    assert torch.equal(operator(torch.ones_like(operator.like)), torch.zeros(2, 8, dtype=torch.float64))
