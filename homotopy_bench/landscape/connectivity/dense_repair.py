"""Repair combinations of fully connected networks, one after another, layer by layer.

It is REPAIR as in ``repair.py``. Between affine maps a chain of fully connected layers has nothing that needs the
network as a module: a point is a loop of products and of passes over their outputs, which stay in the cache, and the
first products are those of the ends.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.landscape.combined import Combined
from homotopy_bench.landscape.connectivity.repair import NotRepairable, Statistics
from homotopy_bench.landscape.dense import DenseLayer, named
from homotopy_bench.landscape.first_layer import FirstLayer, activated, affine_of
from homotopy_bench.landscape.networks import Networks, Points
from homotopy_bench.landscape.point_threads import PointThreads


def repaired_combinations(
    networks: Networks, first: FirstLayer, points: Combined, ends: tuple[Statistics, Statistics], a: Float[Tensor, " K"]
) -> Points:
    """Return points whose hidden units have the interpolated statistics of their ends.

    Args:
        networks: Networks of the architecture.
        first: Their first layer, over the samples on which the statistics are taken.
        points: K points.
        ends: For each point the statistics of its two ends, (K, units).
        a: Where each point lies between them, in [0, 1].

    Raises:
        NotRepairable: If a hidden map has no bias.
    """
    hidden = first.layers[:-1]
    for layer in hidden:
        if layer.bias is None:
            raise NotRepairable(f"{_map_of(layer)} has no bias")
    share, theta = a.to(points.theta)[:, None], points.theta.clone()
    targets = {
        name: tuple((1.0 - share) * one + share * other for one, other in zip(own, ends[1][name], strict=True))
        for name, own in ends[0].items()
    }

    def repair(k: int) -> None:
        parameters, affine = named(theta[k], networks.shapes), affine_of(theta)
        x = outputs = first.at(points, k).preactivations()
        with torch.no_grad():
            for depth, layer in enumerate(hidden):
                assert layer.bias is not None
                weight, bias = parameters[layer.weight], parameters[layer.bias]
                if depth:
                    outputs = affine(x, weight, bias, False)
                mean, std = (each[k] for each in targets[_map_of(layer)])
                outputs = activated(layer, _corrected(outputs, weight, bias, mean, std))
                x = outputs if layer.scale is None else _added(layer.scale, outputs, x, parameters)

    with PointThreads() as threads:
        threads.map(repair, len(points))
    return Points(theta, points.buffers)


def _corrected(
    y: Float[Tensor, "N units"],
    weight: Float[Tensor, "units inputs"],
    bias: Float[Tensor, " units"],
    mean: Float[Tensor, " units"],
    std: Float[Tensor, " units"],
) -> Float[Tensor, "N units"]:
    """Return the outputs with this mean and deviation, and change the map so that it gives them."""
    own_mean = y.mean(dim=0)
    centred = y.sub_(own_mean)
    own_std = centred.square().mean(dim=0).sqrt()
    factor = torch.where(own_std > 0.0, std / own_std, 1.0)
    weight.mul_(factor[:, None])
    bias.mul_(factor).add_(mean - factor * own_mean)
    return torch.addcmul(mean, centred, factor, out=centred)


def _added(scale: float | str, y: Tensor, x: Tensor, parameters: dict[str, Tensor]) -> Tensor:
    """Return x + scale y."""
    return y.mul_(parameters[scale] if isinstance(scale, str) else scale).add_(x)


def _map_of(layer: DenseLayer) -> str:
    """Return the name of a layer's map, under which its statistics stand."""
    return layer.weight.rpartition(".")[0]
