"""Define what all transformers have in common: blocks of attention and a multilayer perceptron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.models.base import Model

if TYPE_CHECKING:
    from torch import nn


class AttentionModel(Model):
    """``depth`` blocks, each an attention of ``heads`` heads and a perceptron with ``expansion`` times ``width`` units.

    ``norm`` says where layers are normalised: before the two branches of a block (and at the end), after the sums with
    them, or nowhere. Without ``skip`` the branches stand alone: the network that identity homotopy leads to.
    ``dropout`` drops values of the embedding and of every branch, none of the weights of attention, which fused kernels
    would draw from one generator for all members.
    """

    depth: Annotated[int, Field(ge=1)] = 4
    width: Annotated[int, Field(ge=1)] = 128
    heads: Annotated[int, Field(ge=1)] = 4
    expansion: Annotated[int, Field(ge=1)] = 4
    norm: Literal["pre", "post", "none"] = "pre"
    skip: bool = True
    activation: Literal["relu", "gelu", "gelu_tanh"] = "gelu"
    dropout: Annotated[float, Field(ge=0.0, lt=1.0), PER_MEMBER] = 0.0
    init: Annotated[Literal["gpt2", "default", "kaiming", "orthogonal", "glorot"], PER_MEMBER] = "gpt2"

    @model_validator(mode="after")
    def _equal_heads(self) -> AttentionModel:
        if self.width % self.heads:
            raise ValueError(
                f"heads share the width: accepted: a divisor of width={self.width}, not heads={self.heads}"
            )
        return self

    def program(self) -> tuple[tuple[str, Any], ...]:
        """Return what members agree in: also whether there is dropout, which costs nothing where there is none."""
        return (*super().program(), ("dropout > 0", self.dropout > 0.0))

    def at_least(self) -> tuple[int, int]:
        """Return the branches, and their weights."""
        return 2 * self.depth, self.depth * (4 + 2 * self.expansion) * self.width**2

    def blocks(self, *, causal: bool) -> nn.Sequential:
        """Return the blocks, which map (B, T, width) to the same, with PyTorch's initial values."""
        from collections import OrderedDict

        from torch import nn

        from homotopy_bench.models.activations import ACTIVATIONS
        from homotopy_bench.models.attention import Attention
        from homotopy_bench.models.dropout import Dropout
        from homotopy_bench.models.layers import Layer, Network
        from homotopy_bench.models.sublayer import Sublayer

        def sublayer(branch: nn.Module) -> Sublayer:
            norm = None if self.norm == "none" else nn.LayerNorm(self.width)
            return Sublayer(branch, norm, self.norm, Dropout(self.dropout), skip=self.skip)

        def block() -> nn.Module:
            hidden = Layer(nn.Linear(self.width, self.expansion * self.width), ACTIVATIONS[self.activation])
            perceptron = Network(hidden=hidden, output=nn.Linear(self.expansion * self.width, self.width))
            attention = Attention(self.width, self.heads, causal=causal)
            return nn.Sequential(OrderedDict(attention=sublayer(attention), perceptron=sublayer(perceptron)))

        return nn.Sequential(*(block() for _ in range(self.depth)))

    def last_norm(self) -> nn.Module:
        """Return what follows the blocks: a normalisation where they have theirs before the branches."""
        from torch import nn

        return nn.LayerNorm(self.width) if self.norm == "pre" else nn.Identity()
