"""Define architectures: options in, an ordinary torch module for one member out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from homotopy_bench.core.options import Options

if TYPE_CHECKING:
    import torch


class Model(Options, ABC):
    """Options of an architecture. The module it builds is the target network, t = 1."""

    name: str

    @abstractmethod
    def build(self, input_shape: tuple[int, ...], classes: int) -> torch.nn.Module:
        """Return a target network that maps (B, *input_shape) to logits (B, classes).

        PyTorch's global generator is the source of its initial values.
        """
