"""Write the tensors of a network as safetensors, which executes nothing when it is read."""

from __future__ import annotations

import copy

import torch
from jaxtyping import Float
from safetensors.torch import load, save
from torch import Tensor, nn
from typing_extensions import override

from homotopy_bench.results.formats import ABOUT, ExportFormat


class SafetensorsFormat(ExportFormat):
    """Parameters and buffers by their names in ``network.state_dict()``; the architecture is not in the file."""

    name = "safetensors"
    suffix = ".safetensors"

    @override
    def encode(self, network: nn.Module, x: Float[Tensor, " B *input"], about: str) -> bytes:
        state = {name: value.contiguous().clone() for name, value in network.state_dict().items()}
        # Tied parameters are one tensor under two names, which the library refuses.
        return save(state, metadata={"format": "pt", ABOUT: about})

    @override
    def logits(self, content: bytes, network: nn.Module, x: Float[Tensor, " B *input"]) -> Float[Tensor, "B classes"]:
        read = copy.deepcopy(network)
        read.load_state_dict(load(content))
        with torch.no_grad():
            output: Tensor = read(x)
        return output


FORMAT = SafetensorsFormat()
