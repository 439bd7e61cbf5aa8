"""Define architectures: options in, an ordinary torch module for one member out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from homotopy_bench.core.objective_names import ObjectiveName
from homotopy_bench.core.options import Options

if TYPE_CHECKING:
    import torch


class Model(Options, ABC):
    """Options of an architecture. The module it builds is the target network, t = 1."""

    objectives: ClassVar[frozenset[ObjectiveName]] = frozenset({"classification"})
    """What the network can learn: a class of each sample, or of each token of a sequence the one after it."""

    name: str

    def at_least(self) -> tuple[int, int]:
        """Return numbers of layers and parameters that the network has at least, whatever the samples are."""
        return 1, 1

    def largest(self) -> tuple[str, float]:
        """Return the key that makes the network largest, with its value."""
        sizes = {key: getattr(self, key) for key in ("width", "depth") if key in type(self).model_fields}
        key = max(sizes, key=sizes.__getitem__, default="name")
        return key, getattr(self, key)

    def trains_on_single_samples(self) -> bool:
        """Return whether a batch may have one sample; a normalisation over the batch alone needs two."""
        return True

    @abstractmethod
    def build(self, input_shape: tuple[int, ...], classes: int) -> torch.nn.Module:
        """Return a target network from (B, *input_shape) to logits (B, classes); of tokens (B, T) to (B, T, classes).

        PyTorch's global generator is the source of its initial values.
        """
