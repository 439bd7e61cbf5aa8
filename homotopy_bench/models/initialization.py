"""Draw the initial values of networks; biases start at zero except in PyTorch's default."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from homotopy_bench.models.activations import GAINS

Affine = nn.Linear | nn.Conv1d | nn.Conv2d


def initialize(layers: Sequence[Affine], init: str, activation: str = "relu") -> None:
    """Initialise a stack of affine maps in place, the last of which makes the logits.

    Args:
        layers: The affine maps from input to output; an activation follows each but the last.
        init: ``default`` leaves PyTorch's values; ``kaiming`` draws N(0, g^2/fan_in) (He et al. 2015,
            arXiv:1502.01852, eq. 10); ``orthogonal`` draws g times a random (semi-)orthogonal matrix (Saxe et al.
            2014, arXiv:1312.6120); the gain g is sqrt(2) for ReLU, and 1 for the last map. ``glorot`` draws uniformly
            with variance 2/(fan_in + fan_out), whatever the activation (Glorot and Bengio 2010, eq. 16).
            ``looks_linear`` mirrors orthogonal blocks so that a ReLU network is a linear isometry where the widths
            allow one (Balduzzi et al. 2017, arXiv:1702.08591, section 5).
        activation: Name of the activation, for the gain.
    """
    if init == "default":
        return
    weights = [layer.weight for layer in layers]
    with torch.no_grad():
        if init == "looks_linear":
            _looks_linear(weights)
        else:
            gains = [GAINS[activation]] * (len(weights) - 1) + [1.0]
            for weight, gain in zip(weights, gains, strict=True):
                FILL[init](weight, gain)
        for layer in layers:
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


FILL: dict[str, Callable[[Tensor, float], Tensor]] = {
    "kaiming": lambda weight, gain: nn.init.normal_(weight, std=gain / weight[0].numel() ** 0.5),
    "orthogonal": nn.init.orthogonal_,
    "glorot": lambda weight, _: nn.init.xavier_uniform_(weight),
}
"""Initialisations that draw one map after another, each with its gain."""


def _looks_linear(weights: Sequence[Tensor]) -> None:
    """Fill the maps with mirrored orthogonal blocks.

    relu(a) - relu(-a) = a: the two halves of each hidden vector carry a and -a, and every map acts on a alone. No gain
    is needed, as nothing is lost.
    """
    first, last = weights[0], weights[-1]
    half = nn.init.orthogonal_(first.new_empty(first.shape[0] // 2, first.shape[1]))
    first.copy_(torch.cat([half, -half]))
    for weight in weights[1:-1]:
        block = nn.init.orthogonal_(weight.new_empty(weight.shape[0] // 2, weight.shape[1] // 2))
        weight.copy_(torch.cat([torch.cat([block, -block], dim=1), torch.cat([-block, block], dim=1)]))
    half = nn.init.orthogonal_(last.new_empty(last.shape[0], last.shape[1] // 2))
    last.copy_(torch.cat([half, -half], dim=1))
