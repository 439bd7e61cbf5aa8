"""Deform by the identity: every hidden layer starts as the identity and becomes the plain layer.

A hidden layer that keeps the shape of its input x is replaced by

    y = s(t) x + c(t) layer(x),        layer(x) = relu(W x + b),

with D such layers in the network; the first layer and the output are never deformed. Layers that keep the shape are
linear maps of equal width and padded convolutions of equal channels, each before its pooling. Four paths lead from
t = 0 to t = 1:

    linear      s = 1 - t           c = t
    residual    s = 1 - t           c = (1 - t)/sqrt(D) + t
    circular    s = cos(pi t/2)     c = 1/sqrt(D) + (1 - 1/sqrt(D)) sin(pi t/2)
    fading      s = 1 - t           c = 1

The linear path starts from a network that ignores its hidden weights; residual and circular start from a scaled
residual network, whose branches have 1/sqrt(D) of their weight, so that the sum of D of them neither vanishes nor
explodes; fading starts from the residual network itself, and its skips fade. At t = 1 all are the plain network
exactly: s = 0, c = 1.

``path=preactivation`` adds the input before the activation instead,

    y = relu(W x + b + s(t) x),        s = 1 - t,

which is the plain layer with the weight W + s I: a plain network at every t. ``order`` lets the layers move one after
the other (:mod:`homotopy_bench.methods.layer_order`).

In a transformer without skips the layers are the branches f of its blocks, attention and perceptron: x + f(x) becomes
f(x), with the normalisation where the model has it (:mod:`homotopy_bench.models.sublayer`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import pi, sqrt
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.methods.base import Method
from homotopy_bench.methods.layer_order import Order, layer_parameters

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from homotopy_bench.models.layers import Deformable


DEPTH = "_deformed_layers"
"""Attribute of a deformed network: the number D."""


class IdentityHomotopy(Method):
    """Deform every hidden layer that keeps its shape into y = s(t) x + c(t) layer(x); see the module for s and c.

    ``layers`` names the submodules to deform instead, by patterns such as stages.*.conv2.
    """

    name: Literal["identity_homotopy"] = "identity_homotopy"
    path: Annotated[Literal["linear", "residual", "circular", "fading", "preactivation"], PER_MEMBER] = "circular"
    order: Annotated[Order, PER_MEMBER] = "together"
    layers: Annotated[list[str], Field(min_length=1)] | None = None

    newer: ClassVar[Mapping[str, Any]] = {"order": "together", "layers": None}

    def program(self) -> tuple[tuple[str, Any], ...]:
        """Return what members agree in, hashable: also where the skip is."""
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
        from homotopy_bench.models.layers import Deformation, Deformed
        from homotopy_bench.models.ordinary import deform_map, deform_output, hold_deformation

        layers = deformable_layers(network, self.layers)
        if not layers:
            why = "the model has no hidden layer that keeps its shape"
            raise InputError("method", self.name, f"{why}; mlp and cnn need depth >= 2, cnn padding=same too")
        check_no_skips(self.name, layers)
        values = {"s": 0.0} if self._shifts else {"s": 0.0, "c": 1.0}
        each = {name: [value] * len(layers) for name, value in values.items()}
        deformation = Deformation(add_input if self._shifts else blend, each if self.layerwise else values)
        for index, layer in enumerate(layers):
            part = Deformed(deformation, layer=index) if self.layerwise else deformation
            if not self._shifts:
                deform_output(layer, part)
            elif not deform_map(layer, part):
                why = f"a {type(layer).__name__} is no single map; accepted here: linear, residual, circular, fading"
                raise InputError("method.path", self.path, why)
        vars(network)[DEPTH] = len(layers)
        hold_deformation(network, deformation)

    def coefficients(self, t: Tensor, network: torch.nn.Module) -> dict[str, Tensor]:
        """Return s(t) and c(t) for the members' t, shape (M,), or (M, D) where D layers have their own."""
        depth = vars(network).get(DEPTH, 1)
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
    import torch

    branch = 1.0 / sqrt(max(depth, 1))
    if path == "linear":
        return 1.0 - t, t
    if path == "fading":
        return 1.0 - t, torch.ones_like(t)
    if path == "residual":
        return 1.0 - t, (1.0 - t) * branch + t
    # cos(pi/2) is 6e-17 in floating point; the target network must be reached exactly.
    at_target = t == 1.0
    s = (t * (pi / 2)).cos().masked_fill(at_target, 0.0)
    return s, (branch + (1.0 - branch) * (t * (pi / 2)).sin()).masked_fill(at_target, 1.0)


def deformable_layers(network: torch.nn.Module, patterns: Sequence[str] | None = None) -> Sequence[torch.nn.Module]:
    """Return the layers of a network, also of an ordinary one, that keep the shape of their input.

    Args:
        network: The target network, just built.
        patterns: Names of the submodules to take, such as stages.*.conv2; None for all.

    Raises:
        InputError: If a pattern means no submodule, or one that changes the shape.
    """
    from homotopy_bench.models.ordinary import is_ordinary, matching, shape_keeping

    if patterns is not None:
        try:
            return [network.get_submodule(name) for name in matching(network, patterns)]
        except ValueError as error:
            raise InputError("method.layers", ",".join(patterns), str(error)) from error
    if is_ordinary(network):
        return [network.get_submodule(name) for name in shape_keeping(network)]
    return deformable(network)


def check_no_skips(method: str, layers: Sequence[torch.nn.Module]) -> None:
    """Check that the layers that get a skip have none in the target network.

    Raises:
        InputError: If one has.
    """
    from homotopy_bench.models.sublayer import Sublayer

    if any(isinstance(layer, Sublayer) and layer.skip for layer in layers):
        why = "the blocks of the target network must not have a skip of their own"
        raise InputError("method", method, f"{why}; accepted: model.skip=false")


def deformable(network: torch.nn.Module) -> list[Deformable]:
    """Return the layers of a network that keep the shape of their input, from input to output.

    Of a transformer they are the branches of its blocks, whole, and none of the layers inside.

    The first layer is not among them, even where the width happens to be that of the samples; the map to the logits is
    no :class:`~homotopy_bench.models.layers.Layer`.
    """
    from homotopy_bench.models.layers import Layer, keeps_shape
    from homotopy_bench.models.sublayer import Sublayer

    branches: list[Deformable] = [module for module in network.modules() if isinstance(module, Sublayer)]
    if branches:
        return branches
    layers = [module for module in network.modules() if isinstance(module, Layer)]
    return [layer for layer in layers[1:] if keeps_shape(layer)]
