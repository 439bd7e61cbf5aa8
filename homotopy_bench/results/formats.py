"""Define what a format of other programs is: a network as bytes, and its logits from those bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING

from homotopy_bench.core.errors import InputError, nearest

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

NAMES = ("safetensors", "onnx", "torch")
"""Formats that ``homotopy-export`` writes, each a module of this room."""

ABOUT = "homotopy-bench"
"""Name under which a file keeps its description, where its format has a place for one."""

INPUT, OUTPUT, BATCH = "x", "logits", "batch"
"""Names of the input (batch, *shape), the output (batch, classes) and the dimension of any length, in a graph."""


class ExportFormat(ABC):
    """Write a network as one file, and read it back."""

    name: str
    """As on the command line."""
    suffix: str
    """Ending of its files."""

    @abstractmethod
    def encode(self, network: nn.Module, x: Float[Tensor, " B *input"], about: str) -> bytes:
        """Return the content of a file.

        Args:
            network: A module from inputs (B, *shape) to logits (B, classes), in evaluation mode.
            x: Inputs of the shape and format that it takes, at least two; neither they nor their number is kept.
            about: JSON that describes the network.

        Raises:
            InputError: If a package is missing.
        """

    @abstractmethod
    def logits(self, content: bytes, network: nn.Module, x: Float[Tensor, " B *input"]) -> Float[Tensor, "B classes"]:
        """Return what the network in a file makes of inputs.

        Args:
            content: The content of the file.
            network: The architecture, where a file has parameters only; its own are not used, and it is not changed.
            x: Inputs (B, *shape).
        """


def export_format(name: str) -> ExportFormat:
    """Return the format with a name.

    Raises:
        InputError: If there is none.
    """
    if name not in NAMES:
        raise InputError("--format", name, f"accepted: {', '.join(NAMES)}{nearest(name, NAMES)}")
    chosen = import_module(f"homotopy_bench.results.{name}_format").FORMAT
    assert isinstance(chosen, ExportFormat)
    return chosen
