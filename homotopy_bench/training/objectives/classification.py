"""Score a classifier: accuracy, and macro-averaged precision, recall and F1, from a confusion matrix.

Of class c let n_c be the number of samples, p_c the number of predictions, and h_c the number of correct ones:

    precision_c = h_c / p_c        recall_c = h_c / n_c        F1_c = 2 h_c / (p_c + n_c)

and 0 where the denominator is 0: a class that is never predicted has precision 0. The macro averages are the plain
means over the classes that occur among labels or predictions; macro F1 is the mean of F1_c (Opitz and Burst 2019,
arXiv:1911.03347, eq. 2), not the F1 of mean precision and mean recall. scikit-learn gives the same with
``average="macro", zero_division=0``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from homotopy_bench.training.objectives.base import Objective, Score


@dataclass(frozen=True)
class ClassScore(Score):
    """Add macro averages, which are fractions."""

    precision: float
    recall: float
    f1: float

    def figures(self, split: str, network: str) -> dict[str, float]:
        """Return all but the loss under the record's names.

        Example:
            >>> list(ClassScore(0.5, 1.0, 1.0, 1.0, 1.0).figures("val", "path"))
            ['val_acc_path', 'val_precision_path', 'val_recall_path', 'val_f1_path']
        """
        return {
            **super().figures(split, network),
            f"{split}_precision_{network}": self.precision,
            f"{split}_recall_{network}": self.recall,
            f"{split}_f1_{network}": self.f1,
        }


class Classification(Objective):
    """One class per sample."""

    @property
    def counts_shape(self) -> tuple[int, ...]:
        """Shape of a confusion matrix."""
        return self.classes, self.classes

    def tally(self, logits: Float[Tensor, "M B C"], labels: Int[Tensor, "M B"]) -> Int[Tensor, "M C C"]:
        """Return the confusion matrices of a batch."""
        return confusion(logits, labels)

    def scores(self, losses: Sequence[float], counts: Int[Tensor, "M C C"], labels: int) -> list[Score]:
        """Return losses, accuracies and macro averages; ``labels`` are the sum of each matrix already."""
        del labels
        return list(scores(losses, counts))


def confusion(logits: Float[Tensor, "M B C"], labels: Int[Tensor, "M B"]) -> Int[Tensor, "M C C"]:
    """Return counts (M, C, C), int64: entry (m, i, j) is the number of samples of class i that member m predicts as j.

    Args:
        logits: Shape (M, B, C).
        labels: Shape (M, B), int64 in [0, C).

    Example:
        >>> logits = torch.tensor([[[2.0, 1.0], [2.0, 1.0], [0.0, 1.0]]])
        >>> confusion(logits, torch.tensor([[0, 1, 1]])).tolist()
        [[[1, 0], [1, 1]]]
    """
    members, _, classes = logits.shape
    first = classes * torch.arange(members, device=labels.device).unsqueeze(1)
    cells = (first + labels) * classes + logits.argmax(dim=2)
    return torch.bincount(cells.flatten(), minlength=members * classes**2).view(members, classes, classes)


def scores(losses: Sequence[float], counts: Int[Tensor, "M C C"]) -> list[ClassScore]:
    """Return the scores of M members.

    Args:
        losses: Their mean cross-entropies, in nats.
        counts: Their confusion matrices, shape (M, C, C), of at least one sample.

    Example:
        >>> (score,) = scores([0.7], torch.tensor([[[1, 0], [1, 0]]]))
        >>> score.accuracy, score.precision, score.recall
        (0.5, 0.25, 0.5)
    """
    hits, actual, predicted = counts.diagonal(dim1=1, dim2=2), counts.sum(dim=2), counts.sum(dim=1)
    occurring = actual + predicted

    def macro(parts: Tensor, wholes: Tensor) -> list[float]:
        # A class with an empty denominator has no hits either, and those that do not occur add nothing to the sum.
        values = parts.double() / wholes.clamp(min=1)
        mean: list[float] = (values.sum(dim=1) / (occurring > 0).sum(dim=1)).tolist()
        return mean

    right: list[int] = hits.sum(dim=1).tolist()
    samples: list[int] = actual.sum(dim=1).tolist()
    accuracy = [some / all_ for some, all_ in zip(right, samples, strict=True)]
    columns = (losses, accuracy, macro(hits, predicted), macro(hits, actual), macro(2 * hits, occurring))
    return [ClassScore(*row) for row in zip(*columns, strict=True)]
