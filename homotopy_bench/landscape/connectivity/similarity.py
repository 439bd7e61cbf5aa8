"""Compare what two networks compute: how often they disagree, and whether their logits span the same space."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.landscape.connectivity.chords import Chord
from homotopy_bench.landscape.measurement import Cost, Measurement, exact
from homotopy_bench.landscape.networks import Networks, Samples


def similarity(networks: Networks, ends: Chord, samples: Samples) -> dict[str, Measurement]:
    """Return ``disagreement`` and ``cka`` of the two ends of n pairs.

    ``disagreement`` is the share of samples on which the predicted classes differ. ``cka`` is the linear centred kernel
    alignment of the logits X and Y, (N, classes) with centred columns,

        |Y^T X|^2 / (|X^T X| |Y^T Y|)         (Kornblith et al. 2019, arXiv:1905.00414, eq. 4 with linear kernels)

    with Frobenius norms: 1 for logits that a rotation and a scale lead to each other.

    Args:
        networks: Networks of the architecture.
        ends: The pairs.
        samples: Where.
    """
    differ, alignment = [], []
    for part in networks.chunks(ends.pairs):
        first, second = (networks.outputs(ends.end(which, part), samples.x).flatten(1, -2).double() for which in (0, 1))
        differ.append((first.argmax(dim=2) != second.argmax(dim=2)).double().mean(dim=1))
        alignment.append(linear_cka(first, second))
    words = networks.convention(samples, "share of samples with different predicted classes")
    kernels = networks.convention(samples, "linear CKA of the logits (Kornblith et al. 2019)")
    cost = Cost(forwards=2)
    return {
        "disagreement": exact(torch.cat(differ), cost, words),
        "cka": exact(torch.cat(alignment), cost, kernels),
    }


def linear_cka(x: Float[Tensor, "n N p"], y: Float[Tensor, "n N q"]) -> Float[Tensor, " n"]:
    """Return the linear CKA of n pairs of representations of the same N samples, in [0, 1].

    Example:
        >>> x = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [3.0, 2.0]]])
        >>> round(linear_cka(x, 5 * x.flip(2) + 1).item(), 6)
        1.0
    """
    x, y = x - x.mean(dim=1, keepdim=True), y - y.mean(dim=1, keepdim=True)

    def square(a: Tensor, b: Tensor) -> Tensor:
        return (a.mT @ b).square().sum(dim=(1, 2))

    return square(y, x) / (square(x, x) * square(y, y)).sqrt()
