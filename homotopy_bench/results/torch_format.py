"""Write a network as a program of ``torch.export``, which runs without the code of this package."""

from __future__ import annotations

import io

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from typing_extensions import override

from homotopy_bench.results.formats import ABOUT, BATCH, ExportFormat


class TorchFormat(ExportFormat):
    """Graph and parameters; ``torch.export.load(FILE).module()`` is a module again."""

    name = "torch"
    suffix = ".pt2"

    @override
    def encode(self, network: nn.Module, x: Float[Tensor, " B *input"], about: str) -> bytes:
        content = io.BytesIO()
        torch.export.save(exported_program(network, x), content, extra_files={ABOUT: about})
        return content.getvalue()

    @override
    def logits(self, content: bytes, network: nn.Module, x: Float[Tensor, " B *input"]) -> Float[Tensor, "B classes"]:
        program = torch.export.load(io.BytesIO(content))
        with torch.no_grad():
            output: Tensor = program.module()(x)
        return output


def exported_program(network: nn.Module, x: Float[Tensor, " B *input"]) -> ExportedProgram:
    """Return the graph of a network for inputs like ``x`` (B, *shape) of any number.

    Two of them are traced: of one, torch takes the number for a constant. A program keeps the inputs that it was traced
    with, which are zeros therefore, and the source lines of its nodes, which are removed: a file may be given away.
    """
    program = torch.export.export(network, (torch.zeros_like(x[:2]),), dynamic_shapes=({0: Dim(BATCH)},))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program


FORMAT = TorchFormat()
