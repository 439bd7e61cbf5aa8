"""Draw the initial values of transformers.

    gpt2        N(0, 0.02^2), and N(0, 0.02^2/(2 D)) for the map that ends a branch, D the number of blocks
                (Radford et al. 2019, section 2.3)
    glorot      uniform with variance 2/(fan_in + fan_out), as in Xiong et al. 2020, arXiv:2002.04745, section 3.2
    orthogonal  random (semi-)orthogonal matrices         } times the gain of the activation
    kaiming     N(0, 1/fan_in)                            } that follows, if any
    default     PyTorch's values

The maps to queries, keys and values are three. Embeddings are N(0, 0.02^2) with ``gpt2`` and N(0, 1/d) otherwise, so
that a tied output makes logits of size one; biases are 0 but for ``default``.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import nn

from homotopy_bench.models.activations import GAINS
from homotopy_bench.models.attention import Attention
from homotopy_bench.models.initialization import FILL
from homotopy_bench.models.layers import Layer
from homotopy_bench.models.sequences import PatchEmbedding, TokenEmbedding

GPT2 = 0.02


def initialize_transformer(network: nn.Module, init: str, depth: int, activation: str) -> None:
    """Initialise a transformer in place.

    Args:
        network: The network.
        init: One of the names above.
        depth: Its number D of blocks.
        activation: That of its perceptrons, for the gain.
    """
    hidden = {id(layer.affine) for layer in network.modules() if isinstance(layer, Layer)}
    joined = {id(attention.inputs) for attention in network.modules() if isinstance(attention, Attention)}
    with torch.no_grad():
        for name, module in network.named_modules():
            if isinstance(module, TokenEmbedding | PatchEmbedding):
                deviation = GPT2 if init == "gpt2" else 1.0 / sqrt(module.positions.shape[1])
                vectors = [module.positions, *([module.tokens] if isinstance(module, TokenEmbedding) else [])]
                for vector in vectors:
                    nn.init.normal_(vector, std=deviation)
            if not isinstance(module, nn.Linear) or init == "default":
                continue
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            if init == "gpt2":
                ends = name.startswith("blocks.") and name.endswith(".output")
                nn.init.normal_(module.weight, std=GPT2 / sqrt(2 * depth) if ends else GPT2)
            else:
                gain = GAINS[activation] if id(module) in hidden else 1.0
                for weight in module.weight.chunk(3 if id(module) in joined else 1):
                    FILL[init](weight, gain)
