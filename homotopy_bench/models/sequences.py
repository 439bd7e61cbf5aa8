"""Define what turns samples into sequences of vectors, and those into logits."""

from __future__ import annotations

from math import prod

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional


class TokenEmbedding(nn.Module):
    """Give every token a vector, and add one for its place: x_t = E[token_t] + P[t].

    Args:
        vocabulary: Number V of tokens.
        context: Largest length of a sequence.
        width: Numbers d of a vector.
    """

    def __init__(self, vocabulary: int, context: int, width: int) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.empty(vocabulary, width))
        self.positions = nn.Parameter(torch.empty(context, width))

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B T d"]:
        """Return the vectors of sequences of at most ``context`` tokens, shape (B, T, d)."""
        return functional.embedding(tokens, self.tokens) + self.positions[: tokens.shape[-1]]


class PatchEmbedding(nn.Module):
    """Cut samples into patches, map each to a vector, and add one for its place (Dosovitskiy et al. 2021, eq. 1).

    Images (C, H, W) have square patches, signals (L,) or (C, L) pieces, row by row. There is no class token: logits
    come from the mean over the places.

    Args:
        shape: Shape of a sample.
        patch: Side of a patch, a divisor of the sides of a sample.
        width: Numbers d of a vector.
    """

    def __init__(self, shape: tuple[int, ...], patch: int, width: int) -> None:
        super().__init__()
        channels, *sides = shape if len(shape) > 1 else (1, *shape)
        self.patch, self.sides, self.has_channels = patch, tuple(sides), len(shape) > 1
        places = prod(side // patch for side in sides)
        self.affine = nn.Linear(channels * patch ** len(sides), width)
        self.positions = nn.Parameter(torch.empty(places, width))

    def patches(self, x: Float[Tensor, B * shape]) -> Float[Tensor, "B T inputs"]:
        """Return the values of every patch, shape (B, T, C patch^k), for samples with k sides."""
        if len(self.sides) == 1:
            pieces = x.reshape(*x.shape[:-1], -1, self.patch)
            return pieces.movedim(-3, -2).flatten(-2) if self.has_channels else pieces
        height, width = x.shape[-2:]
        # (B, C, rows, side, columns, side)
        cut = x.reshape(*x.shape[:-2], height // self.patch, self.patch, width // self.patch, self.patch)
        return cut.movedim((-4, -2), (-5, -4)).flatten(-3).flatten(-3, -2)

    def forward(self, x: Float[Tensor, B * shape]) -> Float[Tensor, "B T d"]:
        """Return the vectors of the patches, shape (B, T, d)."""
        vectors: Tensor = self.affine(self.patches(x)) + self.positions
        return vectors


class MeanOverPlaces(nn.Module):
    """Map a sequence to the mean of its vectors."""

    def forward(self, x: Float[Tensor, "B T d"]) -> Float[Tensor, "B d"]:
        """Return the means, shape (B, d)."""
        return x.mean(dim=-2)


class TiedOutput(nn.Module):
    """Map vectors to logits by the vectors of the tokens: z = x E^T (Press and Wolf 2017, arXiv:1608.05859).

    Attributes:
        embedding: Where E stands. In a tuple, because it is no module of this one: its parameters have one name.

    Args:
        embedding: The embedding.
    """

    def __init__(self, embedding: TokenEmbedding) -> None:
        super().__init__()
        self.embedding = (embedding,)

    def forward(self, x: Float[Tensor, "B T d"]) -> Float[Tensor, "B T V"]:
        """Return the logits at every place, shape (B, T, V)."""
        return functional.linear(x, self.embedding[0].tokens)
