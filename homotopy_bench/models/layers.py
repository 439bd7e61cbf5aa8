"""Define the layers that deep networks here are stacked from, and the place where a method deforms them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Rule = Callable[..., Tensor]
Activation = Callable[[Tensor], Tensor]

DEFORMATION = "homotopy"
"""Name under which a method keeps its deformation in a network, after all parts of the target network."""


class Deformation(nn.Module):
    """Hold a rule with the path's coefficients as buffers, shared by all layers it deforms.

    Buffers make the coefficients part of the network's state: an ensemble stacks them to (M,), and each member has
    its own point on the path. A parameter here is trained with the others but belongs to the deformation: the target
    network does not have it.

    Args:
        rule: Function (*tensors, **coefficients) -> output, for instance of a layer's input and plain output. It works
            value by value and broadcasts, so that members can be stacked: the coefficients of M members stand beside
            their samples as (M, 1, 1).
        coefficients: Initial values: scalars, or one value for each layer that the deformation serves.
        parameters: Name -> parameter.
    """

    def __init__(
        self,
        rule: Rule,
        coefficients: Mapping[str, float | Sequence[float]],
        parameters: Mapping[str, nn.Parameter] | None = None,
    ) -> None:
        super().__init__()
        self.rule = rule
        for name, value in coefficients.items():
            self.register_buffer(name, torch.tensor(value))
        for name, parameter in (parameters or {}).items():
            self.register_parameter(name, parameter)

    def forward(self, *tensors: Tensor) -> Tensor:
        """Return what the rule makes of ``tensors`` at the present coefficients."""
        return self.rule(*tensors, **self._buffers)

    def coefficients(self) -> list[str]:
        """Return the names of the coefficients."""
        return list(self._buffers)


@dataclass(frozen=True)
class Deformed:
    """Take for one layer its part of a deformation, in place of its activation or on its input and output.

    The rule has, after its tensors, the named one of the deformation's parameters if any, and the coefficients of the
    layer where they differ from layer to layer. Not a module, so that torch does not find the deformation here: it
    stands once, at the top of the network.
    """

    deformation: Deformation
    parameter: str | None = None
    layer: int | None = None

    def __call__(self, *tensors: Tensor) -> Tensor:
        """Return the deformation's output for ``tensors``."""
        own = () if self.parameter is None else (getattr(self.deformation, self.parameter),)
        if self.layer is None:
            output: Tensor = self.deformation(*tensors, *own)
        else:
            coefficients = {name: values[self.layer] for name, values in self.deformation.named_buffers()}
            output = self.deformation.rule(*tensors, *own, **coefficients)
        return output


class Layer(nn.Module):
    """y = activation(norm(affine(x))), or what a deformation makes of x and y.

    Args:
        affine: The trainable map.
        activation: The nonlinearity.
        norm: Normalisation between the two; None for none.
    """

    def __init__(self, affine: nn.Module, activation: Activation, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.affine = affine
        self.norm = norm
        self.activation = activation
        # In a tuple, because the deformation is registered once, at the top of the network, and not in every layer.
        self.deformation: tuple[Deformation | Deformed, ...] = ()
        self.shift: tuple[Deformation | Deformed, ...] = ()

    def deform(self, deformation: Deformation | Deformed) -> None:
        """Let ``deformation`` have the last word on this layer's output."""
        self.deformation = (deformation,)

    def deform_map(self, deformation: Deformation | Deformed) -> None:
        """Let ``deformation`` have the last word on the output of this layer's affine map."""
        self.shift = (deformation,)

    def plain(self, x: Tensor) -> Tensor:
        """Return the output of the layer as the target network has it, but for a deformation of its affine map."""
        y = self.affine(x)
        if self.shift:
            y = self.shift[0](x, y)
        return self.activation(y if self.norm is None else self.norm(y))

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output for input ``x``."""
        y = self.plain(x)
        return self.deformation[0](x, y) if self.deformation else y


class ResidualLayer(Layer):
    """y = x + a activation(affine(x)), for a map that keeps the shape of its input.

    The weight a of the branch, ``scale``, is a constant, or a parameter to be trained.
    """

    def __init__(self, affine: nn.Module, activation: Activation, scale: float | nn.Parameter = 1.0) -> None:
        super().__init__(affine, activation)
        self.scale = scale

    def plain(self, x: Tensor) -> Tensor:
        """Return x + a activation(affine(x))."""
        return x + self.scale * super().plain(x)


class Network(nn.Module):
    """Stack named parts, and run them in order.

    Unlike in a ``Sequential``, a module added later is state of the network and not one more part: a method can keep
    its coefficients here.

    Args:
        **parts: Name -> module, from input to output.

    Example:
        >>> network = Network(scale=nn.Linear(1, 1, bias=False), output=nn.ReLU())
        >>> [name for name, _ in network.named_parameters()]
        ['scale.weight']
    """

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        self._parts = tuple(parts)
        for name, part in parts.items():
            self.add_module(name, part)

    def parts(self) -> dict[str, nn.Module]:
        """Return the parts by name, from input to output."""
        return {name: self.get_submodule(name) for name in self._parts}

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the last part."""
        for name in self._parts:
            x = self.get_submodule(name)(x)
        return x


def keeps_shape(layer: Layer) -> bool:
    """Return whether a layer's output has the shape of its input, so that the identity is one of its relatives.

    Example:
        >>> keeps_shape(Layer(nn.Linear(8, 8), nn.ReLU())), keeps_shape(Layer(nn.Linear(4, 8), torch.relu))
        (True, False)
        >>> keeps_shape(Layer(nn.Conv2d(8, 8, 3, padding="same"), torch.relu))
        True
    """
    return map_keeps_shape(layer.affine)


def map_keeps_shape(affine: nn.Module) -> bool:
    """Return the same of an affine map."""
    if isinstance(affine, nn.Linear):
        return affine.in_features == affine.out_features
    if isinstance(affine, nn.Conv1d | nn.Conv2d):
        return affine.in_channels == affine.out_channels and affine.padding == "same"
    return False
