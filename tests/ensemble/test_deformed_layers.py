"""Blended and bent layers, a node of autograd each, against the same layers written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, nan
from typing import Any

import pytest
import torch
from torch import Tensor

from homotopy_bench.ensemble.affine import Map, affine, relu_layers
from homotopy_bench.ensemble.bent_layers import bent_layers
from homotopy_bench.ensemble.blended_layers import blended_layers
from tests.cases import METHODS
from tests.training_runs import trained

Pairs = Sequence[tuple[Tensor, Tensor]]
Kind = Callable[[Tensor, Sequence[Map], Pairs], Tensor]
MEMBERS = 3


def blended_one_by_one(x: Tensor, maps: Sequence[Map], pairs: Pairs) -> Tensor:
    for (weight, bias), (s, c) in zip(maps, pairs, strict=True):
        z = torch.einsum("mbi,moi->mbo", x, weight) + (0.0 if bias is None else bias[:, None])
        x = s * x + c * z.relu()
    return x


def bent_one_by_one(x: Tensor, maps: Sequence[Map], pairs: Pairs) -> Tensor:
    for (weight, bias), (right, left) in zip(maps, pairs, strict=True):
        z = torch.einsum("mbi,moi->mbo", x, weight) + (0.0 if bias is None else bias[:, None])
        x = torch.where(z > 0, z * right, z * left)
    return x


KINDS: dict[str, tuple[Kind, Kind]] = {
    "blended": (blended_layers, blended_one_by_one),
    "bent": (bent_layers, bent_one_by_one),
}
TARGET = {"blended": (0.0, 1.0), "bent": (1.0, 0.0)}


def some(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, dtype=dtype).requires_grad_()


def network(biased: bool, units: int = 4, layers: int = 3, dtype: torch.dtype = torch.float64) -> list[Map]:
    return [
        (some(MEMBERS, units, units, dtype=dtype), some(MEMBERS, units, dtype=dtype) if biased else None)
        for _ in range(layers)
    ]


def on_the_path(kind: str) -> tuple[Tensor, Tensor]:
    """Members at the start, in the middle and at the target."""
    first, second = {"blended": ([1.0, 0.6, 0.0], [0.0, 0.7, 1.0]), "bent": ([0.7, 0.9, 1.0], [0.7, 0.2, 0.0])}[kind]
    return torch.tensor(first).double().view(-1, 1, 1), torch.tensor(second).double().view(-1, 1, 1)


def leaves(maps: Sequence[Map]) -> list[Tensor]:
    return [tensor for pair in maps for tensor in pair if tensor is not None]


def gradients(
    run: Callable[..., Tensor], x: Tensor, maps: Sequence[Map], *more: Any, by: Sequence[Tensor]
) -> list[Tensor]:
    """Of the output weighted with fixed numbers, which must come back as they were."""
    y = run(x, maps, *more)
    g = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(7))
    kept = g.clone()
    found = torch.autograd.grad(y, [x, *by], g)
    assert torch.equal(g, kept)
    return [y.detach(), *found]


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_those_of_the_layers_one_by_one(kind: str, biased: bool) -> None:
    torch.manual_seed(0)
    fused, one_by_one = KINDS[kind]
    x, maps, pairs = some(MEMBERS, 7, 4), network(biased), [on_the_path(kind)] * 3
    ours = gradients(fused, x, maps, pairs, by=leaves(maps))
    theirs = gradients(one_by_one, x, maps, pairs, by=leaves(maps))
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind: str) -> None:
    torch.manual_seed(1)
    x, maps, pairs = some(MEMBERS, 5, 4), network(True), [on_the_path(kind)] * 3
    assert torch.autograd.gradcheck(lambda x, *_: KINDS[kind][0](x, maps, pairs), (x, *leaves(maps)))


@pytest.mark.parametrize("shape", [(MEMBERS, 1, 1), (MEMBERS, 1, 4)], ids=["shared", "per neuron"])
def test_trained_slopes_have_their_gradients(shape: tuple[int, ...]) -> None:
    torch.manual_seed(2)
    x, maps = some(MEMBERS, 5, 4), network(True)
    shared = [(1.0 - 0.2 * torch.rand(shape).double()).requires_grad_() for _ in range(2)]
    rights = [shared[0], shared[1], torch.full(shape, 0.9, dtype=torch.float64)]
    lefts = [(0.5 * torch.rand(shape).double()).requires_grad_() for _ in maps]
    pairs = list(zip(rights, lefts, strict=True))
    by = [*leaves(maps), *shared, *lefts]
    assert torch.autograd.gradcheck(lambda x, *_: bent_layers(x, maps, pairs), (x, *by))
    ours = gradients(bent_layers, x, maps, pairs, by=by)
    for our, their in zip(ours, gradients(bent_one_by_one, x, maps, pairs, by=by), strict=True):
        torch.testing.assert_close(our, their, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("units", [1, 3, 12, 64, 100])
@pytest.mark.parametrize("kind", KINDS)
def test_at_the_target_they_have_the_bits_of_relu_layers(kind: str, units: int) -> None:
    torch.manual_seed(3)
    x, maps = some(MEMBERS, 37, units, dtype=torch.float32), network(True, units, 6, torch.float32)
    with torch.no_grad():
        x[0, 0], x[0, 1] = 0.0, -0.0
        for _, bias in maps:
            assert bias is not None
            bias[0] = 0.0  # products that are exactly 0: ties
    target = [torch.full((MEMBERS, 1, 1), value) for value in TARGET[kind]]
    ours = gradients(KINDS[kind][0], x, maps, [(target[0], target[1])] * 6, by=leaves(maps))
    theirs = gradients(relu_layers, x, maps, by=leaves(maps))
    assert all(torch.equal(our, their) for our, their in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_ties_are_on_the_left(zero: float) -> None:
    right, left, s, c = (torch.full((1, 1, 1), value, dtype=torch.float64) for value in (0.9, 0.3, 0.5, 0.25))
    x = torch.full((1, 1, 1), zero, dtype=torch.float64, requires_grad=True)
    one = torch.ones(1, 1, 1, dtype=torch.float64)
    (slope,) = torch.autograd.grad(bent_layers(x, [(one, None)] * 2, [(right, left)] * 2).sum(), x)
    assert slope.item() == pytest.approx(0.3**2, rel=1e-15)
    (slope,) = torch.autograd.grad(blended_layers(x, [(one, None)] * 2, [(s, c)] * 2).sum(), x)
    assert slope.item() == 0.5**2


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_finite_stays_so_and_stays_with_its_member(kind: str) -> None:
    x = torch.tensor([inf, -inf, nan, 1e-310, 1.0], dtype=torch.float64).view(-1, 1, 1).requires_grad_()
    one = torch.ones(5, 1, 1, dtype=torch.float64)
    for pair in [(0.5, 0.25), (1.0, 0.5)]:
        pairs = [(torch.full_like(one, pair[0]), torch.full_like(one, pair[1]))] * 2
        ours, theirs = (run(x, [(one, None)] * 2, pairs).detach() for run in KINDS[kind])
        torch.testing.assert_close(ours, theirs, rtol=1e-15, atol=0, equal_nan=True)
        assert ours.isfinite().flatten().tolist() == [False, False, False, True, True]


def test_an_infinite_value_right_of_zero_is_not_lost_at_the_target() -> None:
    x = torch.full((1, 1, 1), inf, requires_grad=True)
    one, zero = torch.ones(1, 1, 1), torch.zeros(1, 1, 1)
    y = bent_layers(x, [(one, None)] * 2, [(one, zero)] * 2)
    assert y.item() == inf
    assert torch.autograd.grad(y.sum(), x)[0].item() == 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_no_step_looks_at_values(kind: str) -> None:
    def bare(tensor: Tensor) -> Tensor:
        return torch.empty_like(tensor, device="meta").requires_grad_(tensor.requires_grad)

    maps: list[Map] = [(bare(weight), None if bias is None else bare(bias)) for weight, bias in network(True)]
    first, second = (bare(value) for value in on_the_path(kind))
    x = torch.empty(MEMBERS, 5, 4, dtype=torch.float64, device="meta", requires_grad=True)
    y = KINDS[kind][0](x, maps, [(first, second)] * 3)
    assert y.shape == x.shape
    found = torch.autograd.grad(y.sum(), [x, *leaves(maps)])
    assert [one.shape for one in found] == [one.shape for one in (x, *leaves(maps))]


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_derivative_is_refused(kind: str) -> None:
    x = torch.ones(1, 1, 1, requires_grad=True)
    half = torch.full((1, 1, 1), 0.5)
    output = KINDS[kind][0](x, [(x, None)], [(half, half)])
    (gradient,) = torch.autograd.grad(output.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        torch.autograd.backward(gradient.sum())


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_precision_follows_the_rules_of_autograd(kind: str) -> None:
    torch.manual_seed(4)
    x, maps = some(MEMBERS, 6, 5, dtype=torch.float32), network(True, 5, 2, torch.float32)
    first, second = (value.float() for value in on_the_path(kind))
    fused, one_by_one = KINDS[kind]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = fused(x, maps, [(first, second)] * 2)
    torch.testing.assert_close(ours.float(), one_by_one(x, maps, [(first, second)] * 2), rtol=5e-2, atol=5e-2)
    assert all(one.dtype == torch.float32 for one in torch.autograd.grad(ours.float().sum(), leaves(maps)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        product = affine(x, *maps[0])
    assert product.dtype == torch.bfloat16


@pytest.mark.parametrize(
    "method",
    ["identity-linear", "identity-residual", "identity-circular", "convexity-literal", "convexity-preserving"],
)
def test_at_t_1_throughout_members_have_the_bits_of_baselines(method: str) -> None:
    shared = ("model=mlp", "model.depth=6", "dataset=mnist1d", "dataset.samples=500", "training.batch_size=32")
    rates = ("training.epochs=5", "optimizer=adamw", "optimizer.lr=3e-3", "continuation=constant")
    ours, theirs = (
        trained(*((*METHODS[name], *shared, *rates, f"seed={seed}") for seed in range(2)), steps=6).ensemble
        for name in (method, "baseline")
    )
    assert torch.equal(ours.theta, theirs.theta)
