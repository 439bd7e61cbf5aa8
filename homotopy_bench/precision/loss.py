"""Compute a network's mean loss as a function of all its parameters, in float64 and evaluation mode."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from homotopy_bench.curvature.point import Point, batch_weights, split_batches
from homotopy_bench.curvature.products import CountedOperator, hessian_operator
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.losses import cross_entropy
from homotopy_bench.hardware.transfer import inputs_as
from homotopy_bench.models.layers import Layer

CHUNK = 500
"""Samples of one forward pass; bounds the memory of a gradient."""


class NetworkLoss:
    """theta (P,) -> the mean cross-entropy over the samples and its gradient (P,), with no penalty, no label smoothing.

    It is that of a copy of the network on inputs x (N, *shape) with labels y (N,). ``theta`` are its own parameters.
    """

    def __init__(self, network: nn.Module, x: Tensor, y: Tensor) -> None:
        self._ensemble = Ensemble([copy.deepcopy(network)], dtype=torch.float64)
        self._ensemble.train(False)
        self._batches = split_batches(inputs_as(x, torch.float64), y, 1, max(CHUNK // y[:1].numel(), 1))
        self._point = Point(self._ensemble)
        self.theta = self._point.selected[0].clone()

    def __call__(self, theta: Tensor) -> tuple[float, Tensor]:
        """Return the loss at ``theta`` and its gradient."""
        w = theta[None].clone().requires_grad_()
        total, gradient = 0.0, torch.zeros_like(theta)
        for (x, y), weight in zip(self._batches, batch_weights(self._batches), strict=True):
            loss = weight * cross_entropy(self._point.logits(w, x), y).sum()
            gradient += torch.autograd.grad(loss, w)[0][0]
            total += loss.item()
        return total, gradient

    def hessian(self) -> CountedOperator:
        """Return v (1, P) -> H v at the network's own parameters; it keeps the activations of all samples."""
        return hessian_operator(self._ensemble, self._batches, cross_entropy)


def traced(network: nn.Module, x: Tensor, y: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return what flows through a copy of a network in float64 and evaluation mode on a batch x (B, *shape), y (B,).

    Returns:
        The input with the outputs of every layer, and the gradients of the mean cross-entropy in the outputs. The size
        of those falls with B, as it does in training.
    """
    inputs = inputs_as(x, torch.float64)
    values: dict[tuple[int, int], Tensor] = {}

    def keep(module: nn.Module, arguments: object, output: Any) -> None:
        del module, arguments
        for one in tree_leaves(output):  # a recurrent layer has several
            if isinstance(one, Tensor):
                values[one.data_ptr(), one.numel()] = one  # a layer that only gives another shape adds nothing

    traced_network = copy.deepcopy(network).double().eval()
    for module in traced_network.modules():
        if isinstance(module, Layer) or next(module.children(), None) is None:
            module.register_forward_hook(keep)
    loss = cross_entropy(traced_network(inputs)[None], y[None]).sum()
    values.pop((inputs.data_ptr(), inputs.numel()), None)
    outputs = [value for value in values.values() if value.requires_grad]
    gradients = torch.autograd.grad(loss, outputs, allow_unused=True)
    numbers = [inputs] if inputs.is_floating_point() else []  # tokens are none
    activations = [*numbers, *(value.detach() for value in values.values())]
    return activations, [gradient for gradient in gradients if gradient is not None]
