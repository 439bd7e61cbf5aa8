"""GPT-2 small (Radford et al. 2019): 124,439,808 parameters with its vocabulary and context."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.models.transformer import Decoder


class GPT2(Decoder):
    """The decoder of GPT-2 in its smallest size. On bytes it uses 256 of its 50257 tokens; ``vocabulary`` is smaller.

    Unlike there, no weights of attention are dropped.
    """

    name: Literal["gpt2"] = "gpt2"
    depth: Annotated[int, Field(ge=1)] = 12
    width: Annotated[int, Field(ge=1)] = 768
    heads: Annotated[int, Field(ge=1)] = 12
    activation: Literal["relu", "gelu", "gelu_tanh"] = "gelu_tanh"
    dropout: Annotated[float, Field(ge=0.0, lt=1.0), PER_MEMBER] = 0.1
    vocabulary: Annotated[int, Field(ge=2)] | None = 50257
    context: Annotated[int, Field(ge=1)] | None = 1024
