"""Activation functions by name; some depend on the depth of the network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from homotopy_bench.models.tailored import NAMES, tailored

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "leaky_relu": functional.leaky_relu,
    "tanh": torch.tanh,
    "gelu": functional.gelu,
}
"""Name -> function, with PyTorch's default options (leaky ReLU: slope 0.01 for x < 0).

Functions and not modules: calling a module costs microseconds, which a deep narrow network would pay at every layer.
"""


def activation_of(name: str, depth: int) -> Callable[[Tensor], Tensor]:
    """Return an activation by its name, for a network with ``depth`` layers of it."""
    return tailored(name, depth) if name in NAMES else ACTIVATIONS[name]


GAINS: dict[str, float] = {
    "relu": nn.init.calculate_gain("relu"),
    "leaky_relu": nn.init.calculate_gain("leaky_relu", 0.01),
    "tanh": nn.init.calculate_gain("tanh"),
    "gelu": nn.init.calculate_gain("relu"),
    **dict.fromkeys(NAMES, 1.0),
}
"""Name -> factor by which a map is scaled so that the activations that follow it keep their size.

They are torch.nn.init.calculate_gain's; for GELU, which has none there, that of ReLU, its limit for large inputs.
Tailored activations are made for maps of gain 1.
"""
