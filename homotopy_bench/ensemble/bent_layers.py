"""Layers of M networks at once whose activation bends at zero: y = z d(z), z = x W^T + b, d = right or left of zero.

As in :mod:`homotopy_bench.ensemble.affine`, all layers are one node of autograd that works in place. The slopes d are
not kept for the backward pass but made again, from the sign of z, which that of y tells as well: a slope is positive,
or makes a zero, and zero is on the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from homotopy_bench.ensemble.affine import Map, map_gradients, mixed_precision, product
from homotopy_bench.models.bend import Slopes, bend


def bent_layers(
    x: Float[Tensor, "M B inputs"], maps: Sequence[Map], slopes: Sequence[Slopes]
) -> Float[Tensor, "M B outputs"]:
    """Return the output of consecutive layers y <- bend(y W^T + b) for each member, shape (M, B, last outputs).

    Values and derivatives are those of :func:`~homotopy_bench.models.bend.bend`, first order only; in the slopes too.
    At the slopes (1, 0) they equal those of :func:`~homotopy_bench.ensemble.affine.relu_layers` exactly.

    Args:
        x: Inputs, shape (M, B, inputs).
        maps: W, shape (M, outputs, inputs), and b, shape (M, outputs), or None, of every layer.
        slopes: Slopes right >= left >= 0 of every layer, with right > 0, each of shape (M, 1, 1) or (M, 1, outputs).

    Example:
        >>> x, weight = torch.tensor([[[1.0]], [[2.0]]]), torch.tensor([[[3.0]], [[-3.0]]])
        >>> slopes = torch.tensor([[[1.0]]]), torch.tensor([[[0.5]]])
        >>> bent_layers(x, [(weight, torch.tensor([[0.5], [0.5]]))], [slopes]).flatten().tolist()
        [3.5, -2.75]
    """
    if mixed_precision(x):
        for (weight, bias), (right, left) in zip(maps, slopes, strict=True):
            x = bend(product(x, weight, bias), right=right, left=left)
        return x
    tensors = [tensor for pairs in zip(maps, slopes, strict=True) for pair in pairs for tensor in pair]
    output: Tensor = _BentLayers.apply(x, *tensors)  # type: ignore[no-untyped-call]  # torch does not annotate it
    return output


def _slopes(z: Tensor, right: Tensor, left: Tensor) -> Tensor:
    """Return right where z > 0 and left otherwise, as right >= left >= 0: the larger of sign(z) right and left."""
    return torch.sign(z).mul_(right).clamp_min_(left)


class _BentLayers(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, *tensors: Tensor | None) -> Tensor:
        inputs, products = [], []
        for layer, (weight, bias, right, left) in enumerate(zip(*(tensors[part::4] for part in range(4)), strict=True)):
            assert weight is not None
            assert right is not None
            assert left is not None
            inputs.append(x)
            z = product(x, weight, bias)
            slopes = _slopes(z, right, left)
            # The derivatives in the slopes need z itself.
            x = z * slopes if _trained(ctx, layer) else z.mul_(slopes)
            products.append(z)
        ctx.save_for_backward(*inputs, *products, *tensors[::4], *tensors[2::4], *tensors[3::4])
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        layers = len(ctx.saved_tensors) // 5
        inputs, products, weights, rights, lefts = (
            ctx.saved_tensors[part * layers : (part + 1) * layers] for part in range(5)
        )
        gradients: list[Tensor | None] = []
        of_x: Tensor | None = g
        for layer in reversed(range(layers)):
            z, right, left = products[layer], rights[layer], lefts[layer]
            of_z = _slopes(z, right, left).mul_(g)
            of_slopes = _slope_gradients(g, z, right, left) if _trained(ctx, layer) else (None, None)
            gradients[:0] = *map_gradients(of_z, inputs[layer], ctx.needs_input_grad[2 + 4 * layer]), *of_slopes
            of_x = torch.bmm(of_z, weights[layer]) if layer or ctx.needs_input_grad[0] else None
            g = of_z if of_x is None else of_x
        return of_x, *gradients


def _trained(ctx: Any, layer: int) -> bool:
    return any(ctx.needs_input_grad[3 + 4 * layer : 5 + 4 * layer])


def _slope_gradients(g: Tensor, z: Tensor, right: Tensor, left: Tensor) -> Slopes:
    """Return the sums of g z over z > 0 and over z <= 0, in the shapes of the slopes."""
    return (z.relu() * g).sum_to_size(right.shape), (z.clamp_max(0.0) * g).sum_to_size(left.shape)
