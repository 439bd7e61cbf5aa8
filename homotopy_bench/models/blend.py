"""Blend a layer with the identity: y = s x + c layer(x), or its map: z = W x + b + s x."""

from __future__ import annotations

from torch import Tensor


def blend(x: Tensor, y: Tensor, *, s: Tensor, c: Tensor) -> Tensor:
    """Return s x + c y for a layer's input x and plain output y, of one shape.

    Example:
        >>> import torch
        >>> blend(torch.tensor([2.0]), torch.tensor([3.0]), s=torch.tensor(0.5), c=torch.tensor(1.0)).item()
        4.0
    """
    return s * x + c * y


def add_input(x: Tensor, z: Tensor, *, s: Tensor) -> Tensor:
    """Return z + s x for a layer's input x and the output z of its affine map, of one shape.

    Example:
        >>> import torch
        >>> add_input(torch.tensor([2.0]), torch.tensor([3.0]), s=torch.tensor(0.5)).item()
        4.0
    """
    return z + s * x
