"""The dense Hessian of an ordinary module's loss, by autograd."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.functional import hessian
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from homotopy_bench.landscape.networks import Samples


def dense_hessian(network: nn.Module, samples: Samples) -> Tensor:
    """Return the Hessian (P, P) of the mean cross-entropy in the parameters, in the order of ``named_parameters``."""
    shapes = {name: parameter.shape for name, parameter in network.named_parameters()}
    flat = torch.cat([parameter.detach().flatten() for parameter in network.parameters()])

    def loss(theta: Tensor) -> Tensor:
        pieces = torch.split(theta, [shape.numel() for shape in shapes.values()])
        tensors = {name: piece.view(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}
        return cross_entropy(functional_call(network, tensors, (samples.x,)), samples.y)

    dense: Tensor = hessian(loss, flat)  # type: ignore[no-untyped-call]  # torch does not annotate it
    return dense
