"""Build the hidden layers of a multilayer perceptron, by the name of what makes many of them trainable.

    plain              activation(W x + b)
    batchnorm          activation(BN(W x))                          Ioffe and Szegedy 2015, arXiv:1502.03167
    layernorm          activation(LN(W x + b))                      Ba et al. 2016, arXiv:1607.06450
    residual           x + activation(W x + b)                      He et al. 2016, arXiv:1512.03385
    scaled_residual    x + activation(W x + b)/sqrt(D)              Hanin and Rolnick 2018, arXiv:1803.01719
    rezero             x + a activation(W x + b), a trained from 0  Bachlechner et al. 2021, arXiv:2003.04887, eq. 1

D is the number of such layers. BatchNorm subtracts what a bias would add, and Adam would magnify the rounding of the
bias's gradient: such a map has none.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import nn

from homotopy_bench.models.layers import Activation, Layer, ResidualLayer

NORMS: dict[str, type[nn.BatchNorm1d | nn.LayerNorm]] = {"batchnorm": nn.BatchNorm1d, "layernorm": nn.LayerNorm}
WITHOUT_BIAS = ("batchnorm",)


def input_layer(block: str, affine: nn.Linear, activation: Activation) -> Layer:
    """Return the first hidden layer, which changes the width: there is nothing to add its output to."""
    return Layer(affine, activation, NORMS[block](affine.out_features) if block in NORMS else None)


def hidden_layer(block: str, affine: nn.Linear, activation: Activation, depth: int) -> Layer:
    """Return one of D = ``depth`` hidden layers that keep the width."""
    match block:
        case "residual":
            return ResidualLayer(affine, activation)
        case "scaled_residual":
            return ResidualLayer(affine, activation, 1.0 / sqrt(depth))
        case "rezero":
            return ResidualLayer(affine, activation, nn.Parameter(torch.zeros(())))
        case _:
            return input_layer(block, affine, activation)
