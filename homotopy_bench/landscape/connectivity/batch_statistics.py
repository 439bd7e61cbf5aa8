"""Estimate the running statistics of BatchNorm anew, at any point of parameter space.

Between two networks the statistics of neither are those of the activations there, and an interpolation of them is not
either: without new ones a barrier says how wrong the statistics are. A re-estimated point is a network of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from homotopy_bench.ensemble.copies import copied
from homotopy_bench.landscape.combined import Combined
from homotopy_bench.landscape.networks import Networks, Points, Samples

_KINDS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def reestimated(networks: Networks, points: Points | Combined, samples: Samples) -> Points:
    """Return points whose running statistics are those of one pass over all samples as a single batch.

    Each BatchNorm has the mean and the unbiased variance that ``torch.nn.BatchNorm`` would store in a training pass
    with momentum 1: the layers before it normalise by the statistics of the same pass. All other layers act as in
    evaluation.

    Args:
        networks: Networks of the architecture.
        points: K points; their own statistics are not looked at.
        samples: The samples, all of whose activations at all points are in memory at once.
    """
    worker = networks.at(points).ensemble
    with torch.no_grad(), _normalising(worker.network):
        worker.forward(samples.x.expand(len(points), *samples.x.shape))
    return Points(points.theta, copied(dict(worker.buffers)))


@contextmanager
def _normalising(network: nn.Module) -> Iterator[None]:
    layers = [module for module in network.modules() if isinstance(module, _KINDS)]
    before = [layer.momentum for layer in layers]
    for layer in layers:
        layer.train()
        layer.momentum = 1.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.eval()
            layer.momentum = momentum
