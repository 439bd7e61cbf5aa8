"""Deform by the identity: every hidden layer starts as the identity and becomes the plain layer.

A hidden layer that keeps the shape of its input x is replaced by

    y = s(t) x + c(t) layer(x),        layer(x) = relu(W x + b),

with D such layers in the network; the first layer and the output are never deformed. Layers that keep the shape are
linear maps of equal width and padded convolutions of equal channels, each before its pooling. Three paths lead from
t = 0 to t = 1:

    linear      s = 1 - t           c = t
    residual    s = 1 - t           c = (1 - t)/sqrt(D) + t
    circular    s = cos(pi t/2)     c = 1/sqrt(D) + (1 - 1/sqrt(D)) sin(pi t/2)

The linear path starts from a network that ignores its hidden weights; the other two start from a scaled residual
network, whose branches have 1/sqrt(D) of their weight, so that the sum of D of them neither vanishes nor explodes. At
t = 1 all are the plain network exactly: s = 0, c = 1.

``path=preactivation`` adds the input before the activation instead,

    y = relu(W x + b + s(t) x),        s = 1 - t,

which is the plain layer with the weight W + s I: a plain network at every t. ``order`` lets the layers move one after
the other (:mod:`homotopy_bench.methods.layer_order`).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import pi, sqrt
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.methods.base import Method
from homotopy_bench.methods.layer_order import Order, layer_parameters

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from homotopy_bench.models.layers import Layer


class IdentityHomotopy(Method):
    """Deform every hidden layer that keeps its shape into y = s(t) x + c(t) layer(x); see the module for s and c."""

    name: Literal["identity_homotopy"] = "identity_homotopy"
    path: Annotated[Literal["linear", "residual", "circular", "preactivation"], PER_MEMBER] = "circular"
    order: Annotated[Order, PER_MEMBER] = "together"

    newer: ClassVar[Mapping[str, Any]] = {"order": "together"}

    def program(self) -> tuple[tuple[str, Any], ...]:
        """Return what members agree in: also where the skip is."""
        return (*super().program(), ("path = preactivation", self._shifts))

    @property
    def _shifts(self) -> bool:
        return self.path == "preactivation"

    @property
    def layerwise(self) -> bool:
        """Whether the layers move one after the other."""
        return self.order != "together"

    def deform(self, network: torch.nn.Module) -> None:
        """Put s and c into the network and let every layer that keeps its shape use them.

        Raises:
            InputError: If no layer of the network keeps its shape.
        """
        from homotopy_bench.models.blend import add_input, blend
        from homotopy_bench.models.layers import DEFORMATION, Deformation, Deformed

        layers = deformable(network)
        if not layers:
            why = "the model has no hidden layer that keeps its shape"
            raise InputError("method", self.name, f"{why}; mlp and cnn need depth >= 2, cnn padding=same too")
        values = {"s": 0.0} if self._shifts else {"s": 0.0, "c": 1.0}
        each = {name: [value] * len(layers) for name, value in values.items()}
        deformation = Deformation(add_input if self._shifts else blend, each if self.layerwise else values)
        for index, layer in enumerate(layers):
            part = Deformed(deformation, layer=index) if self.layerwise else deformation
            if self._shifts:
                layer.deform_map(part)
            else:
                layer.deform(part)
        network.add_module(DEFORMATION, deformation)

    def coefficients(self, t: Tensor, network: torch.nn.Module) -> dict[str, Tensor]:
        """Return s(t) and c(t) for the members' t, shape (M,), or (M, D) where D layers have their own."""
        depth = len(deformable(network))
        if self.layerwise:
            t = layer_parameters(self.order, t, depth)
        if self._shifts:
            return {"homotopy.s": 1.0 - t}
        s, c = path_coefficients(self.path, t, depth)
        return {"homotopy.s": s, "homotopy.c": c}


def path_coefficients(path: str, t: Tensor, depth: int) -> tuple[Tensor, Tensor]:
    """Return (s, c) on a path, elementwise over t in [0, 1], with D = ``depth``; (0, 1) exactly where t = 1.

    Example:
        >>> import torch
        >>> s, c = path_coefficients("residual", torch.tensor([0.0, 0.5, 1.0]), depth=16)
        >>> s.tolist(), c.tolist()
        ([1.0, 0.5, 0.0], [0.25, 0.625, 1.0])
    """
    branch = 1.0 / sqrt(max(depth, 1))
    if path == "linear":
        return 1.0 - t, t
    if path == "residual":
        return 1.0 - t, (1.0 - t) * branch + t
    # cos(pi/2) is 6e-17 in floating point; the target network must be reached exactly.
    at_target = t == 1.0
    s = (t * (pi / 2)).cos().masked_fill(at_target, 0.0)
    return s, (branch + (1.0 - branch) * (t * (pi / 2)).sin()).masked_fill(at_target, 1.0)


def deformable(network: torch.nn.Module) -> list[Layer]:
    """Return the layers of a network that keep the shape of their input, from input to output.

    The first layer is not among them, even where the width happens to be that of the samples; the map to the logits is
    no :class:`~homotopy_bench.models.layers.Layer`.
    """
    from homotopy_bench.models.layers import Layer, keeps_shape

    layers = [module for module in network.modules() if isinstance(module, Layer)]
    return [layer for layer in layers[1:] if keeps_shape(layer)]
