"""Take an architecture from a function that Python gives to ``train``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import PrivateAttr

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.masking import error_line
from homotopy_bench.models.base import Model

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Factory:
    """Hold the function."""

    make: Callable[[], torch.nn.Module]


class Module(Model):
    """Any module that maps inputs to logits; a record names the function that made it and cannot bring it back.

    Methods deform what they find in it: ``convexity_annealing`` every ``nn.ReLU``, ``identity_homotopy`` submodules
    that keep their shape; ``baseline``, ``hta``, ``l2_schedule`` and ``curvature_lr`` need nothing of the kind.
    """

    name: Literal["module"] = "module"
    factory: str
    _factory: Factory | None = PrivateAttr(None)

    @classmethod
    def of(cls, make: Callable[[], torch.nn.Module]) -> Module:
        """Return the architecture that a function without arguments makes.

        Args:
            make: Returns a new module, with initial values from PyTorch's global generator.

        Example:
            >>> from torch import nn
            >>> model = Module.of(lambda: nn.Linear(3, 2))
            >>> model.build((3,), 2)
            Linear(in_features=3, out_features=2, bias=True)
        """
        module, name = getattr(make, "__module__", ""), getattr(make, "__qualname__", type(make).__qualname__)
        model = cls(factory=f"{module}.{name}")
        model._factory = Factory(make)
        return model

    def build(self, input_shape: tuple[int, ...], classes: int) -> torch.nn.Module:
        """Return a new module.

        Raises:
            InputError: If this is the configuration of a record, in another process, or the module does not map
                inputs of this shape to logits of so many classes.
        """
        if self._factory is None:
            accepted = "this network was given to train(model=...) in Python, and is in no file"
            raise InputError("model", self.factory, accepted)
        return checked_network(self._factory.make(), self.factory, input_shape, classes)


def checked_network(network: object, name: str, input_shape: tuple[int, ...], classes: int) -> torch.nn.Module:
    """Return what a function ``name`` has made, if it is a network from inputs of a shape to logits of so many classes.

    Its ``nn.Dropout`` becomes :class:`~homotopy_bench.models.dropout.Dropout`, whose masks depend on seed and step.

    Raises:
        InputError: If it is not, or has parameters that are not to be trained, or draws from PyTorch's own generator in
            training: no seed of a run sets that, and no checkpoint holds it.
    """
    import torch

    from homotopy_bench.models.ordinary import draws_random_numbers, remember_input, take_over_dropout

    if not isinstance(network, torch.nn.Module):
        kind = type(network).__name__
        raise InputError("model", name, f"returns a {kind}; accepted: a function that returns a module")
    found = _output_shape(network, (2, *input_shape))
    if found != (2, classes):
        wrong = f"maps inputs {(2, *input_shape)} to {found}; accepted: logits {(2, classes)}"
        raise InputError("model", name, wrong)
    frozen = [own for own, parameter in network.named_parameters() if not parameter.requires_grad]
    if frozen:
        wrong = (
            f"its parameter {frozen[0]} requires no gradient; accepted: parameters to train, and buffers for the rest"
        )
        raise InputError("model", name, wrong)
    take_over_dropout(network)
    try:
        draws = draws_random_numbers(network, (2, *input_shape))
    except Exception as error:  # whatever a foreign module raises
        wrong = f"raises {error_line(error)} in training mode; accepted: a network that can be trained"
        raise InputError("model", name, wrong) from error
    if draws:
        wrong = "draws random numbers in training which no seed sets; accepted: of random layers nn.Dropout alone"
        raise InputError("model", name, wrong)
    remember_input(network, input_shape)
    return network


def _output_shape(network: torch.nn.Module, shape: tuple[int, ...]) -> tuple[int, ...] | str:
    """Return the shape of a network's outputs for inputs of a shape, or why there are none."""
    from homotopy_bench.models.ordinary import dry_run

    try:
        return tuple(dry_run(network, shape).shape)
    except Exception as error:  # whatever a foreign module raises
        return error_line(error)
