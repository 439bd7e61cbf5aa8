"""Evaluate combinations of fully connected networks, whose first layer is computed for the combined ones alone.

The outputs of the first map are linear in its parameters: where theta = sum_s c_s theta_s,

    x W^T + b = sum_s c_s (x W_s^T + b_s).

All points of all chords between M networks need M products with the inputs, and a weighted sum each. In wide networks
of few layers the first product is most of the arithmetic, in deep narrow ones little.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from threading import Lock

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import linear

from homotopy_bench.landscape.combined import Combined
from homotopy_bench.landscape.dense import (
    Affine,
    DenseLayer,
    batches_of,
    fused_affine,
    has_fused_linear,
    logits_of,
    named,
    size_of,
    sums,
)

KEPT_BYTES = 2**29
"""Most memory for outputs of first maps, unless one point alone needs more."""


@dataclass(frozen=True)
class Known:
    """Hold what a point needs of one that it is combined from."""

    outputs: Float[Tensor, "N units"]
    """Outputs of the first map."""
    rest: Float[Tensor, " Q"]
    """Parameters after those of the first map."""
    sizes: tuple[float, float]
    """Largest modulus of the rest and of the outputs; NaN where they are not finite."""


@dataclass(frozen=True)
class FirstOutputs:
    """Hold a point as the sum of what is known, each times its share."""

    terms: Sequence[tuple[float, Known]]

    def preactivations(self, samples: slice = slice(None)) -> Float[Tensor, "n units"]:
        """Return what the first map gives for some of the inputs, to be written to."""
        return _combined((share, known.outputs[samples]) for share, known in self.terms)

    def rest(self) -> Float[Tensor, " Q"]:
        """Return the parameters after those of the first map."""
        return _combined((share, known.rest) for share, known in self.terms)

    def sizes(self) -> tuple[float, float]:
        """Return what no parameter after the first map, and none of its outputs, exceeds; NaN if not finite."""
        bounds = [[abs(share) * size for size in known.sizes] for share, known in self.terms]
        largest, outputs = (sum(own) for own in zip(*bounds, strict=True))
        return largest, outputs


class FirstLayer:
    """Hold the first map of an architecture, and its outputs for the points that others were last combined from.

    Attributes:
        layers: All layers.
        shapes: Name of a parameter after the first map -> its shape, in the order of theta.

    Args:
        layers: The layers of the architecture.
        shapes: Name of a parameter -> its shape, in the order of theta; :func:`leads` must hold.
        x: Inputs, on the host.
    """

    def __init__(
        self, layers: Sequence[DenseLayer], shapes: Mapping[str, torch.Size], x: Float[Tensor, " N *input"]
    ) -> None:
        self.layers = tuple(layers)
        own = _own(self.layers[0])
        self._shapes = {name: shape for name, shape in shapes.items() if name in own}
        self.shapes = {name: shape for name, shape in shapes.items() if name not in own}
        self._split = sum(prod(shape) for shape in self._shapes.values())
        self._x = x.flatten(1)
        self._known: dict[tuple[int, int], tuple[Tensor, Known]] = {}
        self._lock = Lock()  # points that are evaluated side by side need the same outputs

    def at(self, points: Combined, k: int) -> FirstOutputs:
        """Return one of some points."""
        with self._lock:
            return FirstOutputs([(share, self._of(theta, row)) for share, theta, row in points.parts(k)])

    def _of(self, theta: Float[Tensor, "M P"], row: int) -> Known:
        """Return what is known of a point to combine from; those asked for last stay known."""
        key = id(theta), row
        # The tensor is kept with what is known of it: as long as it lives, no other has its identity.
        found = self._known.pop(key, None) or (theta, self._computed(theta[row].contiguous()))
        room = KEPT_BYTES // max(found[1].outputs.nbytes, 1)
        while self._known and len(self._known) >= room:
            self._known.pop(next(iter(self._known)))
        self._known[key] = found
        return found[1]

    def _computed(self, theta: Float[Tensor, " P"]) -> Known:
        first, rest = self.layers[0], theta[self._split :]
        parameters = named(theta[: self._split], self._shapes)
        bias = None if first.bias is None else parameters[first.bias]
        outputs = affine_of(self._x)(self._x, parameters[first.weight], bias, False)
        return Known(outputs, rest, (size_of(rest) if len(rest) else 0.0, size_of(outputs)))


def leads(layers: Sequence[DenseLayer], shapes: Mapping[str, torch.Size]) -> bool:
    """Return whether the first layer is activation(x W^T + b), and its parameters are theta's first and no other's."""
    own = _own(layers[0])
    alone = not any(own & _own(other) for other in layers[1:])
    return layers[0].scale is None and alone and set(list(shapes)[: len(own)]) == own


def combined_scores(
    first: FirstLayer, points: Combined, k: int, y: Int[Tensor, " N"]
) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """Return the mean cross-entropy (nats, float64) and the number of wrong predictions of a combined network.

    Args:
        first: Its first layer, with the inputs.
        points: Combined networks.
        k: Which of them.
        y: Labels.
    """
    loss, wrong = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.int64)
    (layer, *later), affine = first.layers, affine_of(points.terms[0].theta)
    size = -(-len(y) // batches_of(first.layers, len(y)))
    with torch.no_grad():
        outputs = first.at(points, k)
        parameters, sizes = named(outputs.rest(), first.shapes), outputs.sizes()
        for begin in range(0, len(y), size):
            part = slice(begin, begin + size)
            x = activated(layer, outputs.preactivations(part))
            of_batch, wrong_in_batch = sums(logits_of(later, parameters, x, affine, sizes), y[part])
            loss += of_batch
            wrong += wrong_in_batch
    return loss / len(y), wrong


def activated(layer: DenseLayer, z: Float[Tensor, "n units"]) -> Float[Tensor, "n units"]:
    """Return the activation of a layer, in place of z where that can be."""
    if layer.activation is None:
        return z
    return z.relu_() if layer.activation is torch.relu else layer.activation(z)


def affine_of(like: Tensor) -> Affine:
    """Return what computes a map for tensors of this kind: the fused kernel, where there is one."""
    return fused_affine if has_fused_linear(like) else _plain_affine


def _plain_affine(x: Tensor, weight: Tensor, bias: Tensor | None, relu: bool) -> Tensor:
    y = linear(x, weight, bias)
    return y.relu_() if relu else y


def _combined(terms: Iterable[tuple[float, Tensor]]) -> Tensor:
    """Return the sum of share times tensor."""
    (share, tensor), *others = terms
    total = tensor * share
    for share, tensor in others:
        total.add_(tensor, alpha=share)
    return total


def _own(first: DenseLayer) -> set[str]:
    return {name for name in (first.weight, first.bias) if name is not None}
