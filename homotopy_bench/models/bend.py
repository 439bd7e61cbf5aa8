"""Bend the identity at zero: an activation with one slope for x > 0 and another one otherwise.

    a(x) = x d(x),      d(x) = right where x > 0, left otherwise

As d is constant on either side it is also the derivative, at x = 0 that from the left, as in torch.relu. It comes from
arithmetic alone: a choice between two tensors by random signs, as torch.where makes it, is a branch that no processor
predicts and takes as long as thirty passes over them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Slopes = tuple[Tensor, Tensor]
"""Slopes (right, left) of zero, which broadcast with what they bend."""


def bend(x: Tensor, *, right: Tensor, left: Tensor) -> Tensor:
    """Return x right for x > 0, and x left otherwise, in the format of x; differentiable any number of times.

    Args:
        x: Of any shape.
        right: Slope for x > 0; broadcasts with x.
        left: Slope for x <= 0; of one shape with ``right``.

    Example:
        >>> bend(torch.tensor([-2.0, 0.0, 3.0]), right=torch.tensor(1.0), left=torch.tensor(0.5)).tolist()
        [-1.0, 0.0, 3.0]
    """
    y: Tensor = _Bend.apply(x, right, left)  # type: ignore[no-untyped-call]  # torch does not annotate it
    return y


def _slopes(x: Tensor, right: Tensor, left: Tensor) -> Tensor:
    """Return d(x), exactly, and differentiable in the slopes."""
    positive = x.detach().sign().clamp_min(0.0).to(right.dtype)
    return positive * right + (1.0 - positive) * left


class _Bend(torch.autograd.Function):
    """Order memory as torch.relu does: as x does, forward and backward.

    Results take the order of the first factor. That of the gradient decides how a convolution before it is computed,
    and so the last bits of what a network learns.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, right: Tensor, left: Tensor) -> Tensor:
        return (_slopes(x, right, left) * x).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], _: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, right, left = ctx.saved_tensors
        needed = ctx.needs_input_grad
        of_x = (_slopes(x, right, left) * g).to(x.dtype) if needed[0] else None
        of_right = (x.relu() * g).sum_to_size(right.shape).to(right.dtype) if needed[1] else None
        of_left = (x.clamp_max(0.0) * g).sum_to_size(left.shape).to(left.dtype) if needed[2] else None
        return of_x, of_right, of_left

    @staticmethod
    def jvp(ctx: Any, of_x: Tensor | None, of_right: Tensor | None, of_left: Tensor | None) -> Tensor:
        x, right, left = ctx.saved_tensors
        slopes = _slopes(x, right, left)
        factors = ((slopes, of_x), (x.relu(), of_right), (x.clamp_max(0.0), of_left))
        terms = [factor * tangent for factor, tangent in factors if tangent is not None]
        return torch.stack(terms).sum(dim=0).to(x.dtype)


@dataclass(frozen=True)
class Bent:
    """Bend at the slopes that a deformation has: the rule of an activation.

    Args:
        slopes: Function (*parameters, **coefficients) -> slopes (right, left).

    Example:
        >>> leaky = Bent(lambda *, left: (torch.ones_like(left), left))
        >>> leaky(torch.tensor([-1.0, 1.0]), left=torch.tensor(0.25)).tolist()
        [-0.25, 1.0]
    """

    slopes: Callable[..., Slopes]

    def __call__(self, x: Tensor, *parameters: Tensor, **coefficients: Tensor) -> Tensor:
        """Return the activation of x at given parameters and coefficients."""
        right, left = self.slopes(*parameters, **coefficients)
        return bend(x, right=right, left=left)
