"""Normalise by the statistics of a batch that lies in shares on several ranks.

With x of N samples and places in w equal shares, for every channel (Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm
1):

    mean = (1/w) sum_r mean_r(x)
    var = (1/w) sum_r (var_r(x) + mean_r(x)^2) - mean^2
    y = gamma (x - mean)/sqrt(var + eps) + beta

The ranks meet once for both; the squares of means, which nearly cancel, are in float64.

``torch.nn.SyncBatchNorm`` does the same on accelerators only, and neither under vmap nor differentiated twice.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def synchronize_batch_norm(network: nn.Module, world_size: int) -> None:
    """Replace every BatchNorm of a network by one over all ranks, with the same parameters, buffers and names."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, _BatchNorm) and not isinstance(child, SynchronizedBatchNorm):
                setattr(module, name, SynchronizedBatchNorm(child, world_size))


class SynchronizedBatchNorm(_BatchNorm):
    """BatchNorm over the shares of w ranks, for inputs (B, C, ...).

    Args:
        plain: What it takes the place of; parameters and buffers are shared with it.
        world_size: Number w of ranks.
    """

    def __init__(self, plain: _BatchNorm, world_size: int) -> None:
        super().__init__(plain.num_features, plain.eps, plain.momentum, plain.affine, plain.track_running_stats)
        self._parameters, self._buffers = plain._parameters, plain._buffers
        self.world_size = world_size

    def _check_input_dim(self, input: Tensor) -> None:
        """Take inputs of any number of places."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised ``x``; in evaluation mode by the running statistics."""
        if not self.training:
            normalized: Tensor = super().forward(x)
            return normalized
        kind = x.dtype
        x = x.float() if kind in (torch.bfloat16, torch.float16) else x  # statistics need more digits than that
        others = [dim for dim in range(x.dim()) if dim != 1]
        wide = (1, -1, *(1 for _ in others[1:]))
        mean_here = x.mean(dim=others)
        centred = x - mean_here.view(wide)
        variance_here = centred.square().mean(dim=others)
        wide_mean = mean_here.double()
        parts = torch.stack([wide_mean, variance_here + wide_mean.square()])
        mean, square = (_sum_over_ranks(parts) / self.world_size).unbind()
        variance = (square - mean.square()).clamp(min=0.0).to(x.dtype)
        count = x.numel() // x.shape[1] * self.world_size
        self._track(mean.detach(), variance.detach() * (count / max(count - 1, 1)))
        scale = (variance + self.eps).rsqrt()
        shift = (wide_mean - mean).to(x.dtype) * scale
        if self.affine:
            scale, shift = scale * self.weight, shift * self.weight + self.bias
        y = centred * scale.view(wide) + shift.view(wide)
        return y.to(kind)

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if not self.track_running_stats:
            return
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            weight = 1.0 / self.num_batches_tracked if self.momentum is None else self.momentum  # None: plain means
            self.running_mean.mul_(1.0 - weight).add_(weight * mean)
            self.running_var.mul_(1.0 - weight).add_(weight * variance)


def _sum_over_ranks(values: Tensor) -> Tensor:
    total: Tensor = _SumOverRanks.apply(values)  # type: ignore[no-untyped-call]  # torch does not annotate it
    return total


class _SumOverRanks(torch.autograd.Function):
    """y_r = sum over ranks q of x_q.

    It is its own adjoint: with the sum over all ranks' losses L, dL/dx_r = sum over q of dL/dy_q. So it is
    differentiable as often as one likes, by all ranks in the same order.
    """

    @staticmethod
    def forward(values: Tensor) -> Tensor:
        total = values.detach().clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def setup_context(_: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        """Keep nothing: the map is linear."""

    @staticmethod
    def backward(_: Any, g: Tensor) -> Tensor:
        return _sum_over_ranks(g)

    @staticmethod
    def vmap(_: Any, in_dims: tuple[int | None], values: Tensor) -> tuple[Tensor, int | None]:
        return _sum_over_ranks(values), in_dims[0]
