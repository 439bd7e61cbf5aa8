"""Affine maps of M networks at once, y_m = x_m W_m^T + b_m, alone and followed by ReLU.

The matrix products of a narrow network take about half of a training step; the rest is the traffic of activations
between memory and processor. Here every activation is written once: bias and ReLU work in place on the product, the
backward pass masks the gradient where it lies, and what the backward pass of ReLU needs is the output, which the next
layer keeps anyway. Derivatives are first order only; :mod:`homotopy_bench.curvature` differentiates the modules.

Both functions do the same operations in the same order, so that a layer whose deformation has arrived at ReLU has the
bits of a layer with ReLU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x W^T + b for each member.

    Args:
        x: Inputs, shape (M, B, inputs).
        weight: W, shape (M, outputs, inputs).
        bias: b, shape (M, outputs); None for none.

    Returns:
        Shape (M, B, outputs).

    Example:
        >>> x, weight = torch.tensor([[[1.0]], [[2.0]]]), torch.tensor([[[3.0]], [[-3.0]]])
        >>> affine(x, weight, torch.tensor([[0.5], [0.5]])).flatten().tolist()
        [3.5, -5.5]
    """
    if _autocast(x):
        return _product(x, weight, bias)
    output: Tensor = _Affine.apply(x, weight, bias)
    return output


def affine_relu(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return max(x W^T + b, 0) for each member; the derivative at 0 is 0, as in torch.relu.

    Args:
        x: Inputs, shape (M, B, inputs).
        weight: W, shape (M, outputs, inputs).
        bias: b, shape (M, outputs); None for none.

    Returns:
        Shape (M, B, outputs).
    """
    if _autocast(x):
        return torch.relu(_product(x, weight, bias))
    output: Tensor = _AffineReLU.apply(x, weight, bias)
    return output


def _autocast(x: Tensor) -> bool:
    # The formats of mixed precision are autograd's to remember: a function of our own would have to repeat its rules.
    return torch.is_autocast_enabled(x.device.type)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    # Not baddbmm, which first copies the bias to every place of the output.
    y = torch.bmm(x, weight.mT)
    return y if bias is None else y.add_(bias.unsqueeze(1))


def _gradients(ctx: Any, g: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None]:
    of_x = torch.bmm(g, weight) if ctx.needs_input_grad[0] else None
    of_bias = g.sum(dim=1) if ctx.needs_input_grad[2] else None
    return of_x, torch.bmm(g.mT, x), of_bias


class _Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]  # torch does not annotate it
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None]:
        return _gradients(ctx, g, *ctx.saved_tensors)


class _AffineReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        y = _product(x, weight, bias).relu_()
        ctx.save_for_backward(x, weight, y)
        return y

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]  # torch does not annotate it
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None]:
        x, weight, y = ctx.saved_tensors
        return _gradients(ctx, torch.ops.aten.threshold_backward(g, y, 0.0), x, weight)
