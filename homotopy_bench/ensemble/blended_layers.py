"""ReLU layers of M networks at once, each blended with the identity: y = s x + c max(x W^T + b, 0).

As in :mod:`homotopy_bench.ensemble.affine`, all layers are one node of autograd that works in place. What the blend
adds to a layer is one pass over its activations forward, for s x + ..., and two backward: the factor c goes into the
bias's pass, as c max(z, 0) = max(c z, 0) for c >= 0, and the product that takes the gradient back to x adds to s g
where it lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from homotopy_bench.ensemble.affine import Map, map_gradients, mixed_precision, product
from homotopy_bench.models.blend import blend

Coefficients = tuple[Tensor, Tensor]
"""s and c of the members, each of shape (M, 1, 1)."""


def blended_layers(
    x: Float[Tensor, "M B units"], maps: Sequence[Map], coefficients: Sequence[Coefficients]
) -> Float[Tensor, "M B units"]:
    """Return the output of consecutive layers y <- s y + c max(y W^T + b, 0) for each member, shape (M, B, units).

    At s = 0 and c = 1 it is bitwise that of :func:`~homotopy_bench.ensemble.affine.relu_layers`, and so are the
    gradients, in the parameters and in x; there are none in s and c. Derivatives are first order only.

    Args:
        x: Inputs, shape (M, B, units).
        maps: W, shape (M, units, units), and b, shape (M, units), or None, of every layer.
        coefficients: s and c >= 0 of every layer, each of shape (M, 1, 1).

    Example:
        >>> x, weight, half = torch.full((2, 1, 1), 2.0), torch.tensor([[[3.0]], [[-3.0]]]), torch.full((2, 1, 1), 0.5)
        >>> blended_layers(x, [(weight, torch.tensor([[1.0], [1.0]]))], [(half, half)]).flatten().tolist()
        [4.5, 1.0]
    """
    if mixed_precision(x):
        for (weight, bias), (s, c) in zip(maps, coefficients, strict=True):
            x = blend(x, torch.relu(product(x, weight, bias)), s=s, c=c)
        return x
    tensors = [tensor for pairs in zip(maps, coefficients, strict=True) for pair in pairs for tensor in pair]
    output: Tensor = _BlendedLayers.apply(x, *tensors)  # type: ignore[no-untyped-call]  # torch does not annotate it
    return output


def _scaled_product(x: Tensor, weight: Tensor, bias: Tensor | None, c: Tensor) -> Tensor:
    """Return c (x W^T + b); at c = 1 it has the bits of ``product``."""
    z = torch.bmm(x, weight.mT)
    return z.mul_(c) if bias is None else torch.addcmul(c * bias.unsqueeze(1), z, c, out=z)


class _BlendedLayers(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, *tensors: Tensor | None) -> Tensor:
        inputs, branches = [], []
        for weight, bias, s, c in zip(*(tensors[part::4] for part in range(4)), strict=True):
            assert weight is not None
            assert s is not None
            assert c is not None
            inputs.append(x)
            branches.append(_scaled_product(x, weight, bias, c).relu_())
            x = torch.addcmul(branches[-1], x, s)
        ctx.save_for_backward(*inputs, *branches, *tensors[::4], *tensors[2::4], *tensors[3::4])
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        layers = len(ctx.saved_tensors) // 5
        inputs, branches, weights, skips, scales = (
            ctx.saved_tensors[part * layers : (part + 1) * layers] for part in range(5)
        )
        gradients: list[Tensor | None] = []
        g = g.clone(memory_format=torch.contiguous_format)  # the one that comes in belongs to autograd
        for layer in reversed(range(layers)):
            # Where c = 0 a branch is 0 and its mask empty; the derivative has the factor c as well.
            of_z = torch.ops.aten.threshold_backward(g, branches[layer], 0.0).mul_(scales[layer])
            biased = ctx.needs_input_grad[2 + 4 * layer]
            gradients[:0] = *map_gradients(of_z, inputs[layer], biased), None, None
            if layer or ctx.needs_input_grad[0]:
                g.mul_(skips[layer]).baddbmm_(of_z, weights[layer])
        return g if ctx.needs_input_grad[0] else None, *gradients
