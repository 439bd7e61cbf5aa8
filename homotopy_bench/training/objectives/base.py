"""Define an objective: what the labels of samples are, and how logits are scored against them.

Data say which objective they have, models which they can learn, and the loop asks the objective alone. The loss is the
mean cross-entropy over all labels (:mod:`homotopy_bench.ensemble.losses`), one per sample or one per place of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Score:
    """Hold the mean cross-entropy (nats) of one member on one split, and the share of its labels that it predicts."""

    loss: float
    accuracy: float

    def figures(self, split: str, network: str) -> dict[str, float]:
        """Return all but the loss under the record's names; split: ``val``, ``test``; network: ``target``, ``path``.

        Example:
            >>> Score(0.5, 1.0).figures("val", "path")
            {'val_acc_path': 1.0}
        """
        return {f"{split}_acc_{network}": self.accuracy}


S = TypeVar("S", bound=Score)


def mean_score(scores: Sequence[S]) -> S:
    """Return the mean of several scores of one kind; of one, itself.

    Example:
        >>> mean_score([Score(1.0, 0.5), Score(3.0, 1.0)])
        Score(loss=2.0, accuracy=0.75)
    """
    kind = type(scores[0])
    names = [field.name for field in fields(kind)]
    return kind(**{name: sum(getattr(score, name) for score in scores) / len(scores) for name in names})


class Objective(ABC):
    """Score logits.

    Args:
        classes: Number of classes, which labels are below.
    """

    def __init__(self, classes: int) -> None:
        self.classes = classes

    @property
    @abstractmethod
    def counts_shape(self) -> tuple[int, ...]:
        """Shape of one member's counts."""

    @abstractmethod
    def tally(self, logits: Float[Tensor, "M *places C"], labels: Int[Tensor, M * places]) -> Int[Tensor, "M ..."]:
        """Return counts of a batch, which are summed over batches."""

    @abstractmethod
    def scores(self, losses: Sequence[float], counts: Int[Tensor, "M ..."], labels: int) -> list[Score]:
        """Return the scores of M members.

        Args:
            losses: Their mean cross-entropies, in nats.
            counts: Their sums of :meth:`tally`, on the host.
            labels: Number of labels that each member was scored on, at least one.
        """
