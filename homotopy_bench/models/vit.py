"""Build a vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929) for images and signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from homotopy_bench.core.errors import InputError
from homotopy_bench.models.attention_model import AttentionModel

if TYPE_CHECKING:
    import torch


class ViT(AttentionModel):
    """Patches of ``patch`` values a side are the places of a sequence; the logits come from the mean over them.

    As Beyer et al. 2022 (arXiv:2205.01580) it has no class token.
    """

    name: Literal["vit"] = "vit"
    width: Annotated[int, Field(ge=1)] = 64
    patch: Annotated[int, Field(ge=1)] = 4

    def build(self, input_shape: tuple[int, ...], classes: int) -> torch.nn.Module:
        """Return the network for signals, (length,) or (channels, length), or images, (channels, height, width).

        Raises:
            InputError: If the patches do not fill the samples.
        """
        from torch import nn

        from homotopy_bench.models.dropout import Dropout
        from homotopy_bench.models.layers import Network
        from homotopy_bench.models.sequences import MeanOverPlaces, PatchEmbedding
        from homotopy_bench.models.transformer_initialization import initialize_transformer

        sides = input_shape if len(input_shape) == 1 else input_shape[1:]
        if len(sides) > 2 or any(side % self.patch for side in sides):
            accepted = f"accepted: a divisor of the sides of a sample, {' and '.join(map(str, sides))}"
            raise InputError("model.patch", self.patch, accepted)
        network = Network(
            embedding=PatchEmbedding(input_shape, self.patch, self.width),
            dropout=Dropout(self.dropout),
            blocks=self.blocks(causal=False),
            norm=self.last_norm(),
            pool=MeanOverPlaces(),
            output=nn.Linear(self.width, classes),
        )
        initialize_transformer(network, self.init, self.depth, self.activation)
        return network
