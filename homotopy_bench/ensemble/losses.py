"""Compute the objective of a classification network, per member of an ensemble."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from homotopy_bench.hardware.transfer import sent_like

Objective = Callable[[Tensor, Tensor], Tensor]
"""(logits (M, B, classes), labels (M, B)) -> losses (M,)."""


def cross_entropy(logits: Float[Tensor, "M B C"], labels: Int[Tensor, "M B"]) -> Float[Tensor, " M"]:
    """Return the mean cross-entropy -log softmax(z)_y of each member, shape (M,), in nats.

    Args:
        logits: z, shape (M, B, classes).
        labels: y, shape (M, B), int64.
    """
    if logits.shape[0] == 1:
        return functional.cross_entropy(logits[0], labels[0]).unsqueeze(0)
    losses = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return losses.view(labels.shape).mean(dim=1)


def smoothed_cross_entropy(
    logits: Float[Tensor, "M B C"], labels: Int[Tensor, "M B"], *, smoothing: Float[Tensor, " M"]
) -> Float[Tensor, " M"]:
    """Return the mean cross-entropy of each member with smoothed labels, shape (M,), in nats.

    The loss of a sample is (1 - a) (-log softmax(z)_y) + (a / C) sum_c (-log softmax(z)_c): its label counts 1 - a, and
    a is spread over all C classes (Szegedy et al. 2016, arXiv:1512.00567, section 7).

    Args:
        logits: z, shape (M, B, C).
        labels: y, shape (M, B), int64.
        smoothing: a, shape (M,), in [0, 1); with 0 it is the cross-entropy.
    """
    log_p = functional.log_softmax(logits, dim=2)
    of_label = functional.nll_loss(log_p.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)
    return (1.0 - smoothing) * of_label.mean(dim=1) - smoothing * log_p.mean(dim=(1, 2))


def training_objective(smoothing: Sequence[float], like: Tensor) -> Objective:
    """Return :func:`cross_entropy` itself where no member smooths its labels, else :func:`smoothed_cross_entropy`.

    Args:
        smoothing: Label smoothing a of each of the M members, in [0, 1).
        like: Gives device and format.
    """
    if not any(smoothing):
        return cross_entropy
    return partial(smoothed_cross_entropy, smoothing=sent_like(smoothing, like))
