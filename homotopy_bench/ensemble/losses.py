"""Compute the loss of networks whose outputs are logits, per member of an ensemble.

The logits of a sample are those of its class, or stand at every place of a sequence: all places count alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from homotopy_bench.hardware.transfer import sent_like

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits (M, B, *places, classes), labels (M, B, *places)) -> losses (M,)."""


def cross_entropy(logits: Float[Tensor, "M *places C"], labels: Int[Tensor, M * places]) -> Float[Tensor, " M"]:
    """Return the mean cross-entropy -log softmax(z)_y of each member over all its places, shape (M,), in nats.

    Args:
        logits: z, shape (M, B, classes), or (M, B, T, classes) for sequences.
        labels: y, shape (M, B) or (M, B, T), int64.

    Example:
        >>> import torch
        >>> losses = cross_entropy(torch.zeros(2, 5, 3, 4), torch.zeros(2, 5, 3, dtype=torch.int64))
        >>> losses.exp().round(decimals=3).tolist()
        [4.0, 4.0]
    """
    if logits.shape[0] == 1:
        return functional.cross_entropy(logits[0].flatten(0, -2), labels[0].flatten()).unsqueeze(0)
    losses = functional.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none")
    return losses.view(len(labels), -1).mean(dim=1)


def smoothed_cross_entropy(
    logits: Float[Tensor, "M *places C"], labels: Int[Tensor, M * places], *, smoothing: Float[Tensor, " M"]
) -> Float[Tensor, " M"]:
    """Return the mean cross-entropy of each member with smoothed labels, shape (M,), in nats.

    The loss of a place is (1 - a) (-log softmax(z)_y) + (a / C) sum_c (-log softmax(z)_c): its label counts 1 - a, and
    a is spread over all C classes (Szegedy et al. 2016, arXiv:1512.00567, section 7).

    Args:
        logits: z, shape (M, B, C), or (M, B, T, C) for sequences.
        labels: y, shape (M, B) or (M, B, T), int64.
        smoothing: a, shape (M,), in [0, 1); with 0 it is the cross-entropy.
    """
    log_p = functional.log_softmax(logits, dim=-1)
    of_label = functional.nll_loss(log_p.flatten(0, -2), labels.flatten(), reduction="none").view(len(labels), -1)
    return (1.0 - smoothing) * of_label.mean(dim=1) - smoothing * log_p.flatten(1, -2).mean(dim=(1, 2))


def training_loss(smoothing: Sequence[float], like: Tensor) -> Loss:
    """Return :func:`cross_entropy` itself where no member smooths its labels, else :func:`smoothed_cross_entropy`.

    Args:
        smoothing: Label smoothing a of each of the M members, in [0, 1).
        like: Gives device and format.
    """
    if not any(smoothing):
        return cross_entropy
    return partial(smoothed_cross_entropy, smoothing=sent_like(smoothing, like))
