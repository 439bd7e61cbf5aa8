"""Bend the identity at zero: an activation with one slope for x > 0 and another one otherwise.

    a(x) = x d(x),      d(x) = right where x > 0, left otherwise

As d is constant on either side it is also the derivative, at x = 0 that from the left, as in torch.relu. It comes from
arithmetic alone: a choice between two tensors by random signs, as torch.where makes it, is a branch that no processor
predicts and takes as long as thirty passes over them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
    positive = x.detach().sign().clamp_min(0.0).to(right.dtype)
    # lerp returns its ends exactly, and multiplies neither by x: at x = inf a left slope of 0 must not make a NaN.
    return (x * torch.lerp(left, right, positive)).to(x.dtype)


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
