"""Affine maps of M networks at once, y_m = x_m W_m^T + b_m, alone and followed by ReLU.

The matrix products of a narrow network take about half of a training step; the rest is the traffic of activations
between memory and processor. Here every activation is written once: bias and ReLU work in place on the product, the
backward pass masks the gradient where it lies, and what the backward pass of ReLU needs is the output, which the next
layer keeps anyway. Derivatives are first order only; :mod:`homotopy_bench.curvature` differentiates the modules.

Both functions do the same operations in the same order, so that a layer whose deformation has arrived at ReLU has the
bits of a layer with ReLU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

Map = tuple[Tensor, Tensor | None]
"""Weights (M, outputs, inputs) and biases (M, outputs) of the members."""


def affine(
    x: Float[Tensor, "M B inputs"], weight: Float[Tensor, "M outputs inputs"], bias: Float[Tensor, "M outputs"] | None
) -> Float[Tensor, "M B outputs"]:
    """Return x W^T + b for each member, shape (M, B, outputs).

    Args:
        x: Inputs, shape (M, B, inputs).
        weight: W, shape (M, outputs, inputs).
        bias: b, shape (M, outputs); None for none.

    Example:
        >>> x, weight = torch.tensor([[[1.0]], [[2.0]]]), torch.tensor([[[3.0]], [[-3.0]]])
        >>> affine(x, weight, torch.tensor([[0.5], [0.5]])).flatten().tolist()
        [3.5, -5.5]
    """
    if mixed_precision(x):
        return product(x, weight, bias)
    output: Tensor = _Affine.apply(x, weight, bias)  # type: ignore[no-untyped-call]  # torch does not annotate it
    return output


def relu_layers(x: Float[Tensor, "M B inputs"], maps: Sequence[Map]) -> Float[Tensor, "M B outputs"]:
    """Return the output of consecutive layers y <- max(y W^T + b, 0) for each member, shape (M, B, last outputs).

    The derivative of max(y, 0) at 0 is 0, as in torch.relu.

    Args:
        x: Inputs, shape (M, B, inputs).
        maps: W, shape (M, outputs, inputs), and b, shape (M, outputs), or None, of every layer.

    Example:
        >>> x, weight = torch.tensor([[[1.0]], [[2.0]]]), torch.tensor([[[3.0]], [[-3.0]]])
        >>> relu_layers(x, [(weight, torch.tensor([[0.5], [0.5]])), (weight.abs(), None)]).flatten().tolist()
        [10.5, 0.0]
    """
    if mixed_precision(x):
        for weight, bias in maps:
            x = torch.relu(product(x, weight, bias))
        return x
    tensors = [tensor for pair in maps for tensor in pair]
    output: Tensor = _ReLULayers.apply(x, *tensors)  # type: ignore[no-untyped-call]  # torch does not annotate it
    return output


def mixed_precision(x: Tensor) -> bool:
    """Return whether operations on x choose their formats themselves.

    They are autograd's to remember then: a function of our own would have to repeat its rules.
    """
    device = x.device.type
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x W^T + b for each member, as a new tensor."""
    # Not baddbmm, which first copies the bias to every place of the output.
    y = torch.bmm(x, weight.mT)
    return y if bias is None else y.add_(bias.unsqueeze(1))


def map_gradients(g: Tensor, x: Tensor, biased: bool) -> tuple[Tensor, Tensor | None]:
    """Return the gradients of W and of b where that of x W^T + b is g; None for b where there is none."""
    return torch.bmm(g.mT, x), g.sum(dim=1) if biased else None


class _Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x = torch.bmm(g, weight) if ctx.needs_input_grad[0] else None
        return of_x, *map_gradients(g, x, ctx.needs_input_grad[2])


class _ReLULayers(torch.autograd.Function):
    """Compute all layers in one node: autograd's own work for a layer takes as long as a pass over its activations."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *tensors: Tensor | None) -> Tensor:
        activations = [x]
        for weight, bias in zip(tensors[::2], tensors[1::2], strict=True):
            assert weight is not None
            activations.append(product(activations[-1], weight, bias).relu_())
        ctx.save_for_backward(*activations, *tensors[::2])
        return activations[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        layers = len(ctx.saved_tensors) // 2
        activations, weights = ctx.saved_tensors[: layers + 1], ctx.saved_tensors[layers + 1 :]
        gradients: list[Tensor | None] = []
        g = torch.ops.aten.threshold_backward(g, activations[-1], 0.0)
        for layer in reversed(range(layers)):
            biased = ctx.needs_input_grad[2 + 2 * layer]
            gradients[:0] = map_gradients(g, activations[layer], biased)
            if layer:
                g = torch.bmm(g, weights[layer])
                torch.ops.aten.threshold_backward.grad_input(g, activations[layer], 0.0, grad_input=g)
        of_x = torch.bmm(g, weights[0]) if ctx.needs_input_grad[0] else None
        return of_x, *gradients
