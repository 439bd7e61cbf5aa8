"""Anneal convexity: activations start linear and bend into ReLU (github.com/ecotner/ConvexityAnnealing).

The activation of every hidden layer bends by an angle theta from pi/4 to 0, in one of the two forms of
:mod:`homotopy_bench.methods.bending`. At pi/4 the literal form is the identity, under which the activations of a deep
ReLU initialisation grow like ((1 + tan^2 theta)/2)^(depth/2); the variance-preserving form is x/sqrt(2), which the gain
sqrt(2) of that initialisation undoes.

The angle is scheduled, theta = (pi/4)(1 - t), or trained: one for all layers, or one per neuron (per channel of a
convolution). A trained angle starts at pi/4, never leaves [0, (pi/4)(1 - t)], and so still ends at the target network;
``theta_penalty`` adds theta_penalty * theta to the loss for every angle, without which training hardly moves it. The
optimiser's weight decay draws an angle to 0 as it does every parameter.

``order`` lets the layers bend one after the other (:mod:`homotopy_bench.methods.layer_order`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from typing_extensions import override

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.core.run_sections import RunSections
from homotopy_bench.methods.base import Method
from homotopy_bench.methods.layer_order import Order, layer_parameters

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from homotopy_bench.methods.base import InitialState
    from homotopy_bench.methods.regularizer import Regularizer
    from homotopy_bench.models.layers import Deformed, Layer


class ConvexityAnnealing(Method):
    """Bend the activations from linear to ReLU; see the module for the forms and for what ``theta`` can be."""

    name: Literal["convexity_annealing"] = "convexity_annealing"
    form: Literal["literal", "variance_preserving"] = "literal"
    theta: Literal["scheduled", "shared", "per_neuron"] = "scheduled"
    theta_penalty: Annotated[float, Field(ge=0.0), PER_MEMBER] = 0.0
    order: Annotated[Order, PER_MEMBER] = "together"

    newer: ClassVar[Mapping[str, Any]] = {"order": "together"}

    @model_validator(mode="after")
    def _penalty_needs_a_trained_angle(self) -> ConvexityAnnealing:
        if self.theta == "scheduled" and self.theta_penalty > 0:
            raise ValueError("theta_penalty needs theta=shared or theta=per_neuron: a scheduled angle is not trained")
        if self.theta != "scheduled" and self.order != "together":
            raise ValueError("order needs theta=scheduled: trained angles find their own order")
        return self

    @property
    def layerwise(self) -> bool:
        """Whether the layers bend one after the other."""
        return self.order != "together"

    @property
    def has_own_terms(self) -> bool:
        """Whether angles are trained: they are penalised and projected."""
        return self.has_own_parameters

    @property
    def has_own_parameters(self) -> bool:
        """Whether angles are trained."""
        return self.theta != "scheduled"

    @property
    def path_shape(self) -> str:
        """The order: the penalty is none of the coefficients."""
        return self.order

    def check(self, run: RunSections) -> None:
        """Check that t does not fall where angles are trained.

        Raises:
            InputError: If it does: an angle is held below (pi/4)(1 - t) and would not come back.
        """
        if self.theta != "scheduled" and run.continuation.name == "shuffled":
            accepted = "adaptive, constant, cosine, jump, linear, polynomial, stepwise"
            why = f"with method.theta={self.theta} t must not fall; accepted: {accepted}"
            raise InputError("continuation", "shuffled", why)

    def deform(self, network: torch.nn.Module) -> None:
        """Replace the activation of every hidden layer.

        Raises:
            InputError: If a hidden layer has another activation.
        """
        import torch
        from torch import nn

        from homotopy_bench.methods.bending import ANGLE, SCHEDULED, START, TRAINED
        from homotopy_bench.models.layers import DEFORMATION, Deformation, Deformed, Layer
        from homotopy_bench.models.ordinary import DeformedActivation, hold_deformation, is_ordinary, relus, replace

        if is_ordinary(network):
            bent = self._of_ordinary(network)
            for relu in relus(network):
                replace(network, relu, DeformedActivation(bent))
            for layer in _relu_layers(network):
                layer.activation = bent
            hold_deformation(network, bent.deformation)
            return
        layers = [module for module in network.modules() if isinstance(module, Layer)]
        for layer in layers:
            if layer.activation is not torch.relu:
                raise InputError("method", self.name, "bends linear activations into ReLU; accepted: activation=relu")
        if self.theta == "scheduled":
            slopes = {"right": 1.0, "left": 0.0}
            each = {name: [value] * len(layers) for name, value in slopes.items()}
            deformation = Deformation(SCHEDULED, each if self.layerwise else slopes)
            names: list[str | None] = [None] * len(layers)
        else:
            shared = self.theta == "shared"
            own = [ANGLE if shared else f"{ANGLE}_{index}" for index in range(len(layers))]
            shapes = [() if shared else _neurons(layer.affine) for layer in layers]
            angles = {name: nn.Parameter(torch.full(shape, START)) for name, shape in zip(own, shapes, strict=True)}
            deformation = Deformation(TRAINED[self.form], {"bound": 0.0}, angles)
            names = [*own]
        for index, (layer, name) in enumerate(zip(layers, names, strict=True)):
            layer.activation = Deformed(deformation, name, index if self.layerwise else None)
        network.add_module(DEFORMATION, deformation)

    def _of_ordinary(self, network: torch.nn.Module) -> Deformed:
        """Return the activation that takes the place of every ``nn.ReLU`` of an ordinary network.

        Raises:
            InputError: If there is none, or each neuron is to have an angle, or each layer its own t.
        """
        import torch
        from torch import nn

        from homotopy_bench.methods.bending import ANGLE, SCHEDULED, START, TRAINED
        from homotopy_bench.models.layers import Deformation, Deformed
        from homotopy_bench.models.ordinary import relus

        if not relus(network) and not _relu_layers(network):
            why = "the network has no nn.ReLU, and a functional relu cannot be found"
            raise InputError("method", self.name, f"{why}; accepted: a model with nn.ReLU modules")
        if self.theta == "per_neuron":
            raise InputError("method.theta", self.theta, "it needs mlp, cnn or vgg; accepted here: scheduled, shared")
        if self.layerwise:
            raise InputError("method.order", self.order, "it needs mlp, cnn or vgg; accepted here: together")
        if self.theta == "scheduled":
            return Deformed(Deformation(SCHEDULED, {"right": 1.0, "left": 0.0}))
        angle = {ANGLE: nn.Parameter(torch.full((), START))}
        return Deformed(Deformation(TRAINED[self.form], {"bound": 0.0}, angle), ANGLE)

    @override
    def coefficients(self, t: Tensor, network: torch.nn.Module) -> dict[str, Tensor]:
        """Return the two slopes at theta = (pi/4)(1 - t), or the bound of a trained angle, shape (M,).

        Where D layers move one after the other, the shape is (M, D).
        """
        from homotopy_bench.methods.bending import SLOPES, START
        from homotopy_bench.models.layers import Layer

        if self.layerwise:
            t = layer_parameters(self.order, t, sum(isinstance(module, Layer) for module in network.modules()))
        theta = START * (1.0 - t)
        if self.theta != "scheduled":
            return {"homotopy.bound": theta}
        right, left = SLOPES[self.form](theta)
        return {"homotopy.right": right, "homotopy.left": left}

    def regularizer(self, initial: InitialState) -> Regularizer | None:
        """Return the penalty and the projection of trained angles; None where they are scheduled."""
        from homotopy_bench.methods.trained_angles import TrainedAngles

        if self.theta == "scheduled":
            return None
        penalties = [one.theta_penalty for one in initial.methods if isinstance(one, ConvexityAnnealing)]
        return TrainedAngles(penalties, initial.ensemble)


def _relu_layers(network: nn.Module) -> list[Layer]:
    import torch

    from homotopy_bench.models.layers import Layer

    return [module for module in network.modules() if isinstance(module, Layer) and module.activation is torch.relu]


def _neurons(affine: nn.Module) -> tuple[int, ...]:
    """Return a shape of one value per neuron of a linear map or channel of a convolution, as its output broadcasts."""
    from torch import nn

    if isinstance(affine, nn.Linear):
        return (affine.out_features,)
    assert isinstance(affine, nn.Conv1d | nn.Conv2d)  # what layers are made of
    return (affine.out_channels, *[1] * len(affine.kernel_size))
