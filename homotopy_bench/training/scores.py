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
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.losses import cross_entropy

EVALUATION_SAMPLES = 4096
"""Samples of one chunk of an evaluation, over all members; bounds its memory."""


@dataclass(frozen=True)
class Score:
    """Hold the mean cross-entropy (nats) of one member on one split, its accuracy and macro averages (fractions)."""

    loss: float
    accuracy: float
    precision: float
    recall: float
    f1: float

    @classmethod
    def mean(cls, scores: Sequence[Score]) -> Score:
        """Return the mean of several scores; of one, itself."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: sum(getattr(score, name) for score in scores) / len(scores) for name in names})

    def fractions(self, split: str, network: str) -> dict[str, float]:
        """Return all but the loss under the record's names; split: ``val``, ``test``; network: ``target``, ``path``.

        Example:
            >>> list(Score(0.5, 1.0, 1.0, 1.0, 1.0).fractions("val", "path"))
            ['val_acc_path', 'val_precision_path', 'val_recall_path', 'val_f1_path']
        """
        return {
            f"{split}_acc_{network}": self.accuracy,
            f"{split}_precision_{network}": self.precision,
            f"{split}_recall_{network}": self.recall,
            f"{split}_f1_{network}": self.f1,
        }


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


def scores(losses: Sequence[float], counts: Int[Tensor, "M C C"]) -> list[Score]:
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
    return [Score(*row) for row in zip(*columns, strict=True)]


def evaluate(
    ensemble: Ensemble,
    x: Float[Tensor, N * input],
    y: Int[Tensor, " N"],
    classes: int,
    autocast: AbstractContextManager[object],
) -> list[Score]:
    """Return the scores of the M networks of an ensemble on a split, in evaluation mode.

    Args:
        ensemble: The networks; of replicas each evaluates a share of the samples.
        x: Inputs, shape (N, *input).
        y: Labels, shape (N,), in [0, classes).
        classes: Number of classes.
        autocast: Context of the forward passes, which sets their number format.
    """
    members = ensemble.members
    size = max(EVALUATION_SAMPLES // members, 1)
    loss = torch.zeros(members, device=y.device, dtype=torch.float64)
    counts = torch.zeros(members, classes, classes, device=y.device, dtype=torch.int64)
    ensemble.train(False)
    with torch.no_grad(), autocast:
        part = ensemble.replicas.share(len(y))
        for inputs, own in zip(torch.split(x[part], size), torch.split(y[part], size), strict=True):
            labels = own.expand(members, -1)
            logits = ensemble.forward(inputs.expand(members, *inputs.shape))
            loss += cross_entropy(logits, labels) * len(own)
            counts += confusion(logits, labels)
    ensemble.train()
    ensemble.replicas.sum_(loss)
    ensemble.replicas.sum_(counts)
    return scores([total / len(y) for total in loss.tolist()], counts.cpu())
