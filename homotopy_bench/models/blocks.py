"""Build the hidden layers of a multilayer perceptron, by the name of what makes many of them trainable.

    plain              activation(W x + b)
    batchnorm          activation(BN(W x))                          Ioffe and Szegedy 2015, arXiv:1502.03167
    layernorm          activation(LN(W x + b))                      Ba et al. 2016, arXiv:1607.06450
    residual           x + activation(W x + b)                      He et al. 2016, arXiv:1512.03385
    scaled_residual    x + activation(W x + b)/sqrt(D)              Hanin and Rolnick 2018, arXiv:1803.01719
    rezero             x + a activation(W x + b), a trained from 0  Bachlechner et al. 2021, arXiv:2003.04887, eq. 1
    small_residual     x + activation(W x + b), W from 1/4 of its start
    dirac              activation((I + V) x + b)                    Hardt and Ma 2017, arXiv:1611.04231
    dirac_normalized   activation((a I + b V/|V|) x + b)            Zagoruyko and Komodakis 2017, arXiv:1706.00388

The last two are plain layers, written so that weight decay draws them to the identity
(:mod:`homotopy_bench.models.dirac`).
D is the number of such layers. BatchNorm subtracts what a bias would add, and Adam would magnify the rounding of the
bias's gradient: such a map has none.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import nn

from homotopy_bench.models.dirac import LINEAR
from homotopy_bench.models.layers import Activation, Layer, ResidualLayer

NORMS: dict[str, type[nn.BatchNorm1d | nn.LayerNorm]] = {"batchnorm": nn.BatchNorm1d, "layernorm": nn.LayerNorm}
WITHOUT_BIAS = ("batchnorm",)

GAINS: dict[str, float] = {"small_residual": 0.25, "dirac": 0.18, "dirac_normalized": 0.18}
"""Block -> factor of the initial values of its maps, in place of that of the activation: they are corrections to x.

PyTorch's own start (``model.init=default``) takes none of them. 0.18 is 1/sqrt(31), the branch of a scaled residual
network of 32 layers. Where V is normalised it does not matter.
"""


def input_layer(block: str, affine: nn.Linear, activation: Activation) -> Layer:
    """Return the first hidden layer, which changes the width: there is nothing to add its output to."""
    return Layer(affine, activation, NORMS[block](affine.out_features) if block in NORMS else None)


def hidden_map(block: str, width: int) -> nn.Linear:
    """Return the affine map of a hidden layer that keeps the width."""
    return LINEAR.get(block, nn.Linear)(width, width, bias=block not in WITHOUT_BIAS)


def hidden_layer(block: str, affine: nn.Linear, activation: Activation, depth: int) -> Layer:
    """Return one of D = ``depth`` hidden layers that keep the width."""
    match block:
        case "residual" | "small_residual":
            return ResidualLayer(affine, activation)
        case "scaled_residual":
            return ResidualLayer(affine, activation, 1.0 / sqrt(depth))
        case "rezero":
            return ResidualLayer(affine, activation, nn.Parameter(torch.zeros(())))
        case _:
            return input_layer(block, affine, activation)
