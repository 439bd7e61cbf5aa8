"""The bent activation equals the branch it replaces: values bit by bit, derivatives of every kind, odd numbers."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan

import pytest
import torch
from torch import Tensor
from torch.func import grad, hessian, jvp, vmap

from homotopy_bench.models.bend import bend

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:DeprecationWarning")
"""Of torch, when it loads its forward mode."""

SLOPES = [(1.0, 0.0), (1.0, 0.3), (0.9, 0.1), (0.5**0.5, 0.5**0.5)]
ODD = [-inf, -3.0, -1e-310, -0.0, 0.0, 1e-310, 0.25, 7.0, inf, nan]


def branch(x: Tensor, right: Tensor, left: Tensor) -> Tensor:
    return torch.where(x > 0, x * right, x * left)


def bent(x: Tensor, right: Tensor, left: Tensor) -> Tensor:
    return bend(x, right=right, left=left)


def scalars(*values: float, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    return [torch.tensor(value, dtype=dtype) for value in values]


def same_bits(ours: Tensor, theirs: Tensor) -> bool:
    return torch.equal(ours.signbit(), theirs.signbit()) and bool(
        ((ours == theirs) | (ours.isnan() & theirs.isnan())).all()
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("slopes", SLOPES)
def test_values_have_the_bits_of_the_branch_and_the_derivative_its_side(slopes, dtype):
    x = torch.tensor(ODD, dtype=dtype, requires_grad=True)
    right, left = scalars(*slopes, dtype=dtype)
    y = bent(x, right, left)
    assert same_bits(y.detach(), branch(x, right, left).detach())
    (ours,) = torch.autograd.grad(y.sum(), x)
    expected = torch.tensor([slopes[0] if value > 0 else slopes[1] for value in x.tolist()], dtype=dtype)
    assert torch.equal(ours, expected)


@pytest.mark.parametrize("shape", [(), (3,)])
def test_first_and_second_derivatives_are_those_of_finite_differences(shape):
    x = torch.tensor([[-2.0, 0.5, -0.1], [0.7, -0.4, 1.5]], dtype=torch.float64, requires_grad=True)
    right = torch.full(shape, 0.9, dtype=torch.float64, requires_grad=True)
    left = torch.full(shape, 0.2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(bent, (x, right, left), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(bent, (x, right, left), check_fwd_over_rev=True)


def loss_of(activation: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def loss(w: Tensor) -> Tensor:
        return (activation(w[:8], w[8], w[9]) ** 3).sum() + activation(
            w[:8] * w[9], w[8].sin(), w[9].sin()
        ).square().sum()

    return loss


def test_all_ways_to_second_derivatives_agree_with_the_branch_at_ties_too():
    w = torch.tensor([-2.0, -0.5, -0.0, 0.0, 0.25, 1.0, 0.0, -1.0, 0.9, 0.3], dtype=torch.float64)
    ours, theirs = loss_of(bent), loss_of(branch)
    exact = hessian(theirs)(w)
    torch.testing.assert_close(hessian(ours)(w), exact, rtol=1e-12, atol=1e-12)
    v = torch.randn(10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(jvp(grad(ours), (w,), (v,))[1], exact @ v, rtol=1e-12, atol=1e-12)
    leaf = w.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(ours(leaf), leaf, create_graph=True)
    torch.testing.assert_close(torch.autograd.grad(gradient, leaf, v)[0], exact @ v, rtol=1e-12, atol=1e-12)
    stacked = torch.stack([w, -w])
    alone = torch.stack([hessian(theirs)(w), hessian(theirs)(-w)])
    torch.testing.assert_close(vmap(hessian(ours))(stacked), alone, rtol=1e-12, atol=1e-12)


def test_at_equal_slopes_each_slope_has_the_gradient_of_its_own_side():
    x = torch.tensor([-2.0, 3.0], dtype=torch.float64)
    right, left = (one.requires_grad_() for one in scalars(0.7, 0.7))
    of_right, of_left = torch.autograd.grad(bent(x, right, left).sum(), (right, left))
    assert (of_right.item(), of_left.item()) == (3.0, -2.0)


def test_half_precision_stays_half_at_slopes_in_full_precision():
    x = torch.randn(50, generator=torch.Generator().manual_seed(0)).bfloat16()
    right, left = scalars(0.9, 0.123, dtype=torch.float32)
    y = bent(x, right, left)
    assert y.dtype == torch.bfloat16
    assert torch.equal(y, branch(x.float(), right, left).bfloat16())


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1), (1, 0, 2, 3)])
def test_memory_is_ordered_as_by_relu_forward_and_backward(order):
    """As the bits of a convolution's gradient depend on it: at t = 1 they are those of the plain network."""
    back = [order.index(axis) for axis in range(4)]
    x = torch.randn(2, 5, 3, 4).permute(order).contiguous().permute(back).requires_grad_()
    right, left = torch.ones(2, 5, 1, 1), torch.zeros(2, 5, 1, 1)
    g = torch.randn(2, 5, 3, 4)
    for ours in (bent(x, right, left), vmap(bent)(x, right, left)):
        theirs = x.relu()
        assert ours.stride() == theirs.stride()
        strides = [torch.autograd.grad(y, x, g)[0].stride() for y in (ours, theirs)]
        assert strides[0] == strides[1]


def test_nothing_looks_at_values():
    x = torch.empty(3, 2, device="meta", requires_grad=True)
    y = bent(x, torch.empty((), device="meta"), torch.empty((), device="meta"))
    assert torch.autograd.grad(y.sum(), x)[0].shape == x.shape
