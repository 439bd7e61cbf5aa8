"""Score the networks of an ensemble on a split."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.losses import cross_entropy
from homotopy_bench.training.objectives.base import Objective, Score

EVALUATION_LABELS = 4096
"""Labels of one chunk of an evaluation, over all members; bounds its memory."""


def evaluate(
    ensemble: Ensemble,
    x: Shaped[Tensor, " N *input"],
    y: Int[Tensor, " N *places"],
    objective: Objective,
    autocast: AbstractContextManager[object],
) -> list[Score]:
    """Return the scores of the M networks of an ensemble on a split, in evaluation mode.

    Args:
        ensemble: The networks; of replicas each evaluates a share of the samples.
        x: Inputs, shape (N, *input).
        y: Labels, shape (N,), or (N, T) of sequences.
        objective: What they are scored for.
        autocast: Context of the forward passes, which sets their number format.
    """
    members, places = ensemble.members, y[:1].numel()
    size = max(EVALUATION_LABELS // (members * places), 1)
    loss = torch.zeros(members, device=y.device, dtype=torch.float64)
    ensemble.train(False)
    with torch.no_grad(), autocast:
        part = ensemble.replicas.share(len(y))
        counts = torch.zeros(members, *objective.counts_shape, device=y.device, dtype=torch.int64)
        for inputs, own in zip(torch.split(x[part], size), torch.split(y[part], size), strict=True):
            if len(own) == 0:  # of a small split a replica may have no share, and nothing has no mean loss
                continue
            labels = own.expand(members, *own.shape)
            logits = ensemble.forward(inputs.expand(members, *inputs.shape))
            loss += cross_entropy(logits, labels) * len(own)
            counts += objective.tally(logits, labels)
    ensemble.train()
    ensemble.replicas.sum_(loss)
    ensemble.replicas.sum_(counts)
    return objective.scores([total / len(y) for total in loss.tolist()], counts.cpu(), y.numel())
