"""VGG networks (Simonyan and Zisserman 2015, arXiv:1409.1556, table 1) for images of 32x32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.models.base import Model

if TYPE_CHECKING:
    import torch

SIDE = 32
STAGES = (64, 128, 256, 512, 512)
"""Channels of the five stages, each of which ends with a 2x2 max pooling."""


class VGG(Model):
    """Convolutions of 3x3 in five stages, two linear layers of 512, and a linear map to the logits.

    As usual for images of 32x32, the linear layers have 512 units. Smaller images are padded with zeros to 32x32.
    ``dropout`` is the probability of dropping an input of a linear layer; ``batchnorm`` normalises after every
    convolution. ``width`` multiplies the channels of every stage, for small experiments.
    """

    convolutions: ClassVar[tuple[int, ...]]
    """Convolutions in each of the five stages."""

    batchnorm: bool = True
    dropout: Annotated[float, Field(ge=0.0, lt=1.0), PER_MEMBER] = 0.5
    init: Annotated[Literal["default", "kaiming", "orthogonal", "delta_orthogonal"], PER_MEMBER] = "kaiming"
    width: Annotated[float, Field(gt=0.0, le=1000.0)] = 1.0

    def program(self) -> tuple[tuple[str, Any], ...]:
        """Return what members agree in: also whether there is dropout, which costs nothing where there is none."""
        return (*super().program(), ("dropout > 0", self.dropout > 0.0))

    def at_least(self) -> tuple[int, int]:
        """Return the layers, and the weights of a convolution and a linear layer of the last stage."""
        return sum(self.convolutions) + 3, int(10 * (self.width * STAGES[-1]) ** 2)

    def build(self, input_shape: tuple[int, ...], classes: int) -> torch.nn.Module:
        """Return the network for images of the shape (channels, height, width), at most 32 a side.

        Raises:
            InputError: If the samples are no images or are larger than 32x32.
        """
        import torch
        from torch import nn

        from homotopy_bench.models.dropout import Dropout
        from homotopy_bench.models.initialization import initialize
        from homotopy_bench.models.layers import Layer, Network

        if len(input_shape) != 3 or max(input_shape[1:]) > SIDE:
            accepted = f"accepted: images of at most 32x32, not samples of shape {input_shape}"
            raise InputError("model", self.name, accepted)
        channels, height, width = input_shape
        stages = [max(round(self.width * size), 1) for size in STAGES]
        features: list[nn.Module] = []
        maps: list[nn.Linear | nn.Conv2d] = []
        for size, count in zip(stages, self.convolutions, strict=True):
            for _ in range(count):
                convolution = nn.Conv2d(channels, size, 3, padding="same", bias=not self.batchnorm)
                maps.append(convolution)
                features.append(Layer(convolution, torch.relu, nn.BatchNorm2d(size) if self.batchnorm else None))
                channels = size
            features.append(nn.MaxPool2d(2))
        units = stages[-1]
        linear = [nn.Linear(units, units), nn.Linear(units, units)]
        output = nn.Linear(units, classes)
        initialize([*maps, *linear, output], self.init)
        classifier = [part for affine in linear for part in (Dropout(self.dropout), Layer(affine, torch.relu))]
        return Network(
            pad=nn.ZeroPad2d((0, SIDE - width, 0, SIDE - height)),
            hidden=nn.Sequential(*features),
            flatten=nn.Flatten(),
            classifier=nn.Sequential(*classifier),
            output=output,
        )
