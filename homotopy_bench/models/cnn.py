"""Define a convolutional network: convolutions, max pooling, one linear map."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.models.base import Model

if TYPE_CHECKING:
    import torch

POOLINGS = 3


class CNN(Model):
    """``depth`` convolutions of ``width`` channels, three 2x2 max poolings evenly among them, and a linear map.

    The first convolution has ``first_kernel`` positions a side, the others ``kernel``. ``padding=same`` keeps the size
    of the input, ``padding=valid`` pads nothing. Signals of shape (length,) get convolutions of one dimension. All
    layers but the first keep their channels.

    With depth 3 a pooling follows every layer, as in github.com/ecotner/ConvexityAnnealing (width 16, first_kernel 4,
    kernel 3, padding valid). That source pools before the activation, which is the same network: the maximum of a
    window commutes with every activation that nowhere falls, as ReLU and all bends of convexity annealing.

    ``block`` writes the kernels of all layers but the first as I + V (:mod:`homotopy_bench.models.dirac`).
    """

    newer: ClassVar[Mapping[str, Any]] = {"block": "plain"}

    name: Literal["cnn"] = "cnn"
    depth: Annotated[int, Field(ge=1)] = 3
    width: Annotated[int, Field(ge=1)] = 32
    first_kernel: Annotated[int, Field(ge=1)] = 3
    kernel: Annotated[int, Field(ge=1)] = 3
    padding: Literal["same", "valid"] = "same"
    init: Annotated[
        Literal["default", "kaiming", "orthogonal", "glorot", "delta_orthogonal", "identity"], PER_MEMBER
    ] = "kaiming"
    block: Literal["plain", "dirac", "dirac_normalized"] = "plain"
    activation: Literal[
        "relu", "leaky_relu", "tanh", "gelu", "tat_leaky_relu", "tat_tanh", "dks_tanh", "dks_softplus"
    ] = "relu"

    @model_validator(mode="after")
    def _a_middle_to_pad_around(self) -> CNN:
        for name, side in (("first_kernel", self.first_kernel), ("kernel", self.kernel)):
            if self.padding == "same" and side % 2 == 0:
                raise ValueError(f"padding=same pads evenly around the middle: {name} must be odd, not {side}")
        if self.block != "plain" and self.init == "glorot":
            raise ValueError(f"block={self.block} writes a layer as I + V; accepted: init other than glorot")
        if self.activation.startswith(("tat_", "dks_")) and self.block != "plain":
            raise ValueError(f"activation={self.activation} is tailored to plain layers: it needs block=plain")
        if (self.init, self.block) == ("identity", "dirac_normalized"):
            raise ValueError("init=identity is V = 0, which block=dirac_normalized cannot divide by its norm")
        return self

    def at_least(self) -> tuple[int, int]:
        """Return the layers, and the weights of all but the first and the last one for signals of one dimension."""
        first = self.width * self.first_kernel
        return self.depth, first + (self.depth - 1) * self.width**2 * self.kernel

    def build(self, input_shape: tuple[int, ...], classes: int) -> torch.nn.Module:
        """Return the network for signals, (length,) or (channels, length), or images, (channels, height, width).

        Raises:
            InputError: If the samples have more sides, or are too small to be pooled.
        """
        from torch import nn

        from homotopy_bench.models.activations import activation_of
        from homotopy_bench.models.blocks import GAINS
        from homotopy_bench.models.dirac import CONVOLUTIONS
        from homotopy_bench.models.initialization import initialize
        from homotopy_bench.models.layers import Layer, Network

        channels, *size = input_shape if len(input_shape) > 1 else (1, *input_shape)
        if len(size) > 2:
            accepted = f"samples of shape {input_shape} are neither signals nor images; accepted: mlp"
            raise InputError("model", self.name, accepted)
        convolution, pooling = (nn.Conv1d, nn.MaxPool1d) if len(size) == 1 else (nn.Conv2d, nn.MaxPool2d)
        pooled_after = {round(self.depth * k / POOLINGS) for k in range(1, POOLINGS + 1)} - {0}
        kernels = [self.first_kernel] + [self.kernel] * (self.depth - 1)
        maps = [convolution(channels, self.width, kernels[0], padding=self.padding)]
        keeping = CONVOLUTIONS[self.block][len(size) - 1] if self.block in CONVOLUTIONS else convolution
        maps += [keeping(self.width, self.width, side, padding=self.padding) for side in kernels[1:]]
        for index, side in enumerate(kernels, start=1):
            if self.padding == "valid":
                size = [length - side + 1 for length in size]
            if index in pooled_after:
                size = [length // 2 for length in size]
            if min(size) < 1:
                layers = f"{self.depth} convolutions with padding={self.padding} and {len(pooled_after)} poolings"
                raise InputError("model", "cnn", f"samples of shape {input_shape} are too small for {layers}")
        output = nn.Linear(self.width * prod(size), classes)
        initialize([*maps, output], self.init, self.activation, GAINS.get(self.block))
        features: list[nn.Module] = []
        for index, affine in enumerate(maps, start=1):
            features.append(Layer(affine, activation_of(self.activation, self.depth)))
            if index in pooled_after:
                features.append(pooling(2))
        return Network(
            channels=nn.Unflatten(1, (channels, -1)) if len(input_shape) == 1 else nn.Identity(),
            hidden=nn.Sequential(*features),
            flatten=nn.Flatten(),
            output=output,
        )
