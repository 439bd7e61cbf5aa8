"""Dropout whose masks come from each member's own stream."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_MIX = (-0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15)
"""The increment and the two multipliers of SplitMix64 (Steele et al. 2014, doi:10.1145/2660193.2660195), as int64."""


class Dropout(nn.Module):
    """Sets each value to 0 with probability p in training, and scales the others by 1/(1-p) (Srivastava et al. 2014).

    The mask is a hash of the buffer ``key`` and of the value's place in the batch. The key is drawn with the initial
    values of the network and grows by one in each training pass, so that the masks depend on the member's seed and
    step alone: not on its neighbours in an ensemble, nor on what else draws random numbers; and as a buffer it is part
    of a checkpoint. So is ``rate``, p, because members of an ensemble may differ in it; as no tensor is looked into to
    find out, they do agree in whether it is 0.

    Attributes:
        share: Which of the equal shares of a batch, from 0, the values belong to; 0 too where there is one.

    Args:
        p: Probability of dropping a value, in [0, 1).
        persistent: Whether the buffers are in the ``state_dict`` of the network.
    """

    def __init__(self, p: float, *, persistent: bool = True) -> None:
        super().__init__()
        self.off = p == 0
        self.p, self.inplace = p, False  # what networks read of nn.Dropout
        self.rate: Tensor
        self.register_buffer("rate", torch.tensor(p, dtype=torch.float64), persistent)
        self.key: Tensor
        self.register_buffer("key", torch.randint(2**62, (), dtype=torch.int64), persistent)
        self.share = 0

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x``, of any shape, with values dropped in training mode, and itself in evaluation mode."""
        return dropped(self, x.unsqueeze(0), self.key.unsqueeze(0), self.rate.unsqueeze(0)).squeeze(0)


def dropped(layer: Dropout, x: Tensor, key: Tensor, rate: Tensor) -> Tensor:
    """Return the values of M members, shape (M, *shape), with those dropped that their keys and rates say.

    Args:
        layer: Says whether it is training.
        x: The values.
        key: The members' keys, shape (M,), int64; each grows by one where values are dropped.
        rate: The members' rates, shape (M,).
    """
    if not layer.training or layer.off:
        return x
    size, beside = x[0].numel(), (-1, *[1] * (x.dim() - 1))
    place = torch.arange(layer.share * size, (layer.share + 1) * size, device=x.device).view(x.shape[1:])
    # Formats are stated because a rate alone is a scalar to torch and the rates of members are a tensor.
    kept = uniform(key.view(beside), place) >= rate.to(torch.float32).view(beside)
    key.add_(1)
    return (x * kept.to(x.dtype) / (1.0 - rate.view(beside))).to(x.dtype)


def uniform(key: Tensor, place: Tensor) -> Tensor:
    """Return float32 in [0, 1), 24 random bits each, that look independent and depend on key and place alone.

    The function is SplitMix64, of a stream's number ``key`` and positions ``place`` in it: int64 that broadcast.
    """
    state = key + place * _MIX[0]
    state = (state ^ _shift(state, 30)) * _MIX[1]
    state = (state ^ _shift(state, 27)) * _MIX[2]
    return _shift(state ^ _shift(state, 31), 40).to(torch.float32) * 2.0**-24


def _shift(x: Tensor, bits: int) -> Tensor:
    """Return x >> bits with zeros moving in: int64 is signed, and its own shift copies the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)
