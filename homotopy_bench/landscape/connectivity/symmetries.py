"""Read off an architecture which changes of its hidden units change no output.

Hidden units can be permuted: the rows that make them, with everything that belongs to single units (biases, scales and
running statistics of a normalisation), and the columns that read them. After ReLU a unit can be scaled by a positive
number that its readers undo, after tanh its sign can be flipped. A residual connection adds the units of two layers, so
that all layers along it share one permutation, which then stands on both axes of their maps: P W P^T.

    >>> from torch import nn
    >>> network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> [group] = groups_of(network)
    >>> group.size, [axis.tensor for axis in group.made_by], [axis.tensor for axis in group.read_by]
    (4, ['0.weight', '0.bias'], ['2.weight'])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeGuard

import torch
from torch import nn

from homotopy_bench.models.activations import ACTIVATIONS
from homotopy_bench.models.dropout import Dropout
from homotopy_bench.models.layers import Layer, Network, ResidualLayer

_HOMOGENEOUS = {torch.relu, ACTIVATIONS["leaky_relu"], nn.ReLU, nn.LeakyReLU}
_ODD = {torch.tanh, nn.Tanh}
_OTHERS = {ACTIVATIONS["gelu"], nn.GELU, nn.Sigmoid, nn.ELU, nn.SiLU}

_UNTOUCHED = (nn.Identity, nn.Dropout, Dropout, nn.Flatten, nn.ZeroPad1d, nn.ZeroPad2d)
_AVERAGES = (nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)
_MAXIMA = (nn.MaxPool1d, nn.MaxPool2d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
_AFFINE = (nn.Linear, *_CONVOLUTIONS)
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_NORMS = (*_BATCH_NORMS, nn.LayerNorm)


class UnknownModule(ValueError):
    """Report a module of which it is not known what permuting its units does."""


@dataclass(frozen=True)
class Axis:
    """Name one dimension of a parameter or buffer along which units stand, each in a block of consecutive entries."""

    tensor: str
    dim: int
    block: int = 1
    scaled: bool = True
    """Whether scaling a unit scales this axis: not the map before a BatchNorm, whose statistics undo it."""


@dataclass(frozen=True)
class Group:
    """Hold the units that share one permutation.

    Attributes:
        size: Number of units.
        made_by: Axes that are permuted with the units.
        read_by: Axes of the maps that read them.
        homogeneous: Whether a unit can be scaled by a positive number.
        odd: Whether its sign can be flipped.
        tied: Whether a residual connection puts the permutation on both axes of a map.
    """

    size: int
    made_by: tuple[Axis, ...]
    read_by: tuple[Axis, ...]
    homogeneous: bool
    odd: bool
    tied: bool


def groups_of(network: nn.Module) -> list[Group]:
    """Return the groups of hidden units of a plain network, from input to output; inputs and logits are in none.

    Raises:
        UnknownModule: If the network has a module that this does not know, a deformed layer, or a tensor in two places.
    """
    maps = [one for _, one in network.named_modules(remove_duplicate=False) if isinstance(one, (*_AFFINE, *_NORMS))]
    tensors = [id(tensor) for one in maps for tensor in one.parameters(recurse=False)]
    if len(set(tensors)) < len(tensors):
        raise UnknownModule("the units of maps that share a tensor are not matched")
    walk = _Walk()
    walk.module(network, "")
    if walk.units is not None:
        walk.groups.remove(walk.units)  # the logits stay where they are
    return [units.group() for units in walk.groups]


@dataclass(eq=False)
class _Units:
    """Collect what is known of a group while the network is walked through."""

    size: int
    made_by: list[Axis] = field(default_factory=list)
    read_by: list[Axis] = field(default_factory=list)
    activations: list[Callable[..., object]] = field(default_factory=list)
    layer_norm: bool = False
    normalised: bool = False
    maximum: bool = False
    tied: bool = False

    def group(self) -> Group:
        homogeneous = all(one in _HOMOGENEOUS for one in self.activations)
        odd = all(one in _ODD for one in self.activations) and not self.maximum
        return Group(
            self.size,
            tuple(self.made_by),
            tuple(self.read_by),
            homogeneous and not (self.layer_norm or self.normalised or self.tied),
            odd and not (self.layer_norm or self.normalised),
            self.tied,
        )


class _Walk:
    """Walk through a network from input to output; ``units`` are those that flow now, None for inputs."""

    def __init__(self) -> None:
        self.groups: list[_Units] = []
        self.units: _Units | None = None

    def module(self, module: nn.Module, name: str) -> None:
        parts = parts_of(module)
        if parts is not None:
            for own, part in parts.items():
                self.module(part, _join(name, own))
        elif isinstance(module, Layer):
            self.layer(module, name)
        elif _is_affine(module):
            self.read(module, name)
            self.make(module, name)
        elif type(module) in _BATCH_NORMS:
            self.batch_norm(module, name)
        elif type(module) is nn.LayerNorm and len(module.normalized_shape) == 1:
            self.layer_norm(module, name)
        elif type(module) in _HOMOGENEOUS | _ODD | _OTHERS:
            self.activation(type(module))
        elif isinstance(module, _MAXIMA):
            if self.units is not None:
                self.units.maximum = True
        elif isinstance(module, nn.Unflatten) and self.units is not None:
            raise UnknownModule("an Unflatten behind hidden units has no known permutations")
        elif not isinstance(module, (*_UNTOUCHED, *_AVERAGES, nn.Unflatten)):
            raise UnknownModule(f"what a permutation of units does to {type(module).__name__} is not known")

    def layer(self, layer: Layer, name: str) -> None:
        if layer.deformation:
            raise UnknownModule("the units of a deformed layer (t < 1) are not matched")
        affine = layer.affine
        if not _is_affine(affine):
            raise UnknownModule(f"what a permutation of units does to {type(affine).__name__} is not known")
        residual = isinstance(layer, ResidualLayer)
        through = self.units
        self.read(affine, _join(name, "affine"))
        if residual:
            if through is not None:
                through.tied = True
                through.made_by += _made(affine, _join(name, "affine"))
                through.activations.append(layer.activation)
            return
        self.make(affine, _join(name, "affine"))
        if layer.norm is not None:
            self.module(layer.norm, _join(name, "norm"))
        self.activation(layer.activation)

    def read(self, affine: nn.Linear | nn.Conv1d | nn.Conv2d, name: str) -> None:
        if isinstance(affine, _CONVOLUTIONS) and affine.groups != 1:
            raise UnknownModule("the channels of a convolution in groups are not matched")
        if self.units is not None:
            inputs = affine.in_features if isinstance(affine, nn.Linear) else affine.in_channels
            self.units.read_by.append(Axis(_join(name, "weight"), 1, inputs // self.units.size))

    def make(self, affine: nn.Linear | nn.Conv1d | nn.Conv2d, name: str) -> None:
        outputs = affine.out_features if isinstance(affine, nn.Linear) else affine.out_channels
        self.units = _Units(outputs, _made(affine, name))
        self.groups.append(self.units)

    def batch_norm(self, norm: nn.Module, name: str) -> None:
        if self.units is None:
            return
        self.units.made_by = [Axis(axis.tensor, axis.dim, axis.block, scaled=False) for axis in self.units.made_by]
        self.units.made_by += _of_units(norm, name, "weight", "bias")
        self.units.made_by += _of_units(norm, name, "running_mean", "running_var", scaled=False)
        # Without a scale of its own after it, a normalised unit has the size 1 whatever its map is.
        self.units.normalised |= norm.weight is None

    def layer_norm(self, norm: nn.Module, name: str) -> None:
        if self.units is not None:
            self.units.layer_norm = True
            self.units.made_by += _of_units(norm, name, "weight", "bias")

    def activation(self, function: Callable[..., object]) -> None:
        if function not in _HOMOGENEOUS | _ODD | _OTHERS:
            raise UnknownModule(f"what a permutation of units does to {function} is not known")
        if self.units is not None:
            self.units.activations.append(function)


def parts_of(module: nn.Module) -> dict[str, nn.Module] | None:
    """Return what a chain runs one after the other, by name; None for what is no chain."""
    if isinstance(module, Network):
        return dict(module.parts())
    if type(module).forward is not nn.Sequential.forward:  # a subclass may have another
        return None
    return {name: part for name, part in module._modules.items() if part is not None}  # named_children has each once


def _is_affine(module: nn.Module) -> TypeGuard[nn.Linear | nn.Conv1d | nn.Conv2d]:
    """Return whether a module is a map whose weight is its matrix, as that of a subclass may not be."""
    return type(module) in _AFFINE


def _made(affine: nn.Linear | nn.Conv1d | nn.Conv2d, name: str) -> list[Axis]:
    return _of_units(affine, name, "weight", "bias")


def _of_units(module: nn.Module, name: str, *tensors: str, scaled: bool = True) -> list[Axis]:
    """Return the first axes of those of some tensors that a module has."""
    return [Axis(_join(name, own), 0, scaled=scaled) for own in tensors if getattr(module, own) is not None]


def _join(*names: str) -> str:
    return ".".join(name for name in names if name)
