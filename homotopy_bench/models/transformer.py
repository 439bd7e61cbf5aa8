"""Build a decoder: a transformer that predicts the next token at every place of a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.objective_names import ObjectiveName
from homotopy_bench.models.attention_model import AttentionModel

if TYPE_CHECKING:
    import torch


class Decoder(AttentionModel):
    """A decoder on sequences of at most ``context`` tokens out of ``vocabulary``; null for those of the data.

    ``tied`` logits are products with the vectors of the tokens; otherwise a linear map makes them.
    """

    objectives: ClassVar[frozenset[ObjectiveName]] = frozenset({"next_token"})

    tied: bool = True
    vocabulary: Annotated[int, Field(ge=2)] | None = None
    context: Annotated[int, Field(ge=1)] | None = None

    def build(self, input_shape: tuple[int, ...], classes: int) -> torch.nn.Module:
        """Return the network for sequences of the shape (T,) with tokens below ``classes``.

        Raises:
            InputError: If the sequences are longer than its context, or have more tokens than its vocabulary.
        """
        from torch import nn

        from homotopy_bench.models.dropout import Dropout
        from homotopy_bench.models.layers import Network
        from homotopy_bench.models.sequences import TiedOutput, TokenEmbedding
        from homotopy_bench.models.transformer_initialization import initialize_transformer

        (length,) = input_shape
        context = length if self.context is None else self.context
        vocabulary = classes if self.vocabulary is None else self.vocabulary
        if length > context:
            raise InputError("model.context", context, f"the data have windows of {length}; accepted: at least that")
        if classes > vocabulary:
            raise InputError("model.vocabulary", vocabulary, f"the data have {classes} tokens; accepted: at least that")
        embedding = TokenEmbedding(vocabulary, context, self.width)
        network = Network(
            embedding=embedding,
            dropout=Dropout(self.dropout),
            blocks=self.blocks(causal=True),
            norm=self.last_norm(),
            output=TiedOutput(embedding) if self.tied else nn.Linear(self.width, vocabulary, bias=False),
        )
        initialize_transformer(network, self.init, self.depth, self.activation)
        return network


class Transformer(Decoder):
    """Blocks of attention and a perceptron on the tokens of a text, each of which predicts the next."""

    name: Literal["transformer"] = "transformer"
