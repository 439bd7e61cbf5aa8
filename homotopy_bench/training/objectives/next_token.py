"""Score a model of sequences: the share of next tokens that it predicts, and bits per token.

With the mean cross-entropy L in nats, L/ln 2 is the mean number of bits that an arithmetic coder would need for a token
(Shannon 1948); tokens are bytes here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from jaxtyping import Float, Int
from torch import Tensor

from homotopy_bench.training.objectives.base import Objective, Score


@dataclass(frozen=True)
class TokenScore(Score):
    """Add the bits per byte."""

    def figures(self, split: str, network: str) -> dict[str, float]:
        """Return all but the loss under the record's names.

        Example:
            >>> TokenScore(2 * log(2), 0.5).figures("val", "path")
            {'val_acc_path': 0.5, 'val_bits_per_byte_path': 2.0}
        """
        return {**super().figures(split, network), f"{split}_bits_per_byte_{network}": self.loss / log(2)}


class NextToken(Objective):
    """At every place of a sequence the token after it."""

    @property
    def counts_shape(self) -> tuple[int, ...]:
        """Shape of one count."""
        return ()

    def tally(self, logits: Float[Tensor, "M B T C"], labels: Int[Tensor, "M B T"]) -> Int[Tensor, " M"]:
        """Return the numbers of tokens that were predicted.

        Example:
            >>> import torch
            >>> logits = torch.tensor([[[[2.0, 1.0], [0.0, 1.0]]]])
            >>> NextToken(2).tally(logits, torch.tensor([[[0, 0]]])).tolist()
            [1]
        """
        return (logits.argmax(dim=-1) == labels).flatten(1).sum(dim=1)

    def scores(self, losses: Sequence[float], counts: Int[Tensor, " M"], labels: int) -> list[Score]:
        """Return losses and accuracies."""
        return [TokenScore(loss, hits / labels) for loss, hits in zip(losses, counts.tolist(), strict=True)]
