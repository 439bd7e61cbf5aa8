"""Start from the leaky ReLU that is tailored to the depth, and bend it into ReLU.

    a(x) = x/sqrt(1 + slope(t)^2) for x > 0, slope(t) times that otherwise,        slope(t) = (1 - t) slope(0)

At t = 0, under maps drawn with ReLU's gain sqrt(2), this is the network of the tailored activation transformation
(Zhang et al. 2022, arXiv:2203.08120, section 4.1): slope(0) is that at which the C maps of all hidden layers take the
cosine 0 between two inputs to ``cosine``. With maps of gain 1 its activation has the factor sqrt(2/(1 + slope^2)), of
which sqrt(2) stands in the maps here. At t = 1 the activation is ReLU exactly. All angles between are those of the
variance-preserving convexity annealing, which starts from slope(0) = 1, a linear network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.methods.base import Method

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from homotopy_bench.models.layers import Layer


class TailoredActivation(Method):
    """Bend leaky ReLU of the slope that takes the cosine 0 between inputs to ``cosine`` into ReLU."""

    name: Literal["tailored_activation"] = "tailored_activation"
    cosine: Annotated[float, Field(gt=0.0, lt=1.0), PER_MEMBER] = 0.9

    def deform(self, network: torch.nn.Module) -> None:
        """Replace the activation of every hidden layer.

        Raises:
            InputError: If a hidden layer has another activation, a skip or a map written I + V, or there are too few of
                them to reach the cosine.
        """
        import torch

        from homotopy_bench.methods.bending import SCHEDULED
        from homotopy_bench.models.dirac import Dirac
        from homotopy_bench.models.layers import DEFORMATION, Deformation, Deformed, ResidualLayer
        from homotopy_bench.models.sublayer import Sublayer

        layers = _hidden(network)
        others = [module for module in network.modules() if isinstance(module, ResidualLayer | Dirac | Sublayer)]
        if others:
            accepted = "its slope is that of layers without skips; accepted: mlp, cnn or vgg with a plain block"
            raise InputError("method", self.name, accepted)
        for layer in layers:
            if layer.activation is not torch.relu:
                raise InputError("method", self.name, "bends leaky ReLU into ReLU; accepted: activation=relu")
        self._slope(network)
        deformation = Deformation(SCHEDULED, {"right": 1.0, "left": 0.0})
        for layer in layers:
            layer.activation = Deformed(deformation)
        network.add_module(DEFORMATION, deformation)

    @override
    def coefficients(self, t: Tensor, network: torch.nn.Module) -> dict[str, Tensor]:
        """Return the slopes right and left of zero at the members' t, shape (M,)."""
        slope = self._slope(network) * (1.0 - t)
        right = (1.0 + slope.square()).rsqrt()
        return {"homotopy.right": right, "homotopy.left": slope * right}

    def _slope(self, network: torch.nn.Module) -> float:
        from homotopy_bench.models.tailored import leaky_slope

        layers = len(_hidden(network))
        try:
            return leaky_slope(layers, self.cosine)
        except InputError as error:
            accepted = f"{layers} hidden layers are too few to take the cosine 0 there; accepted: less, or more layers"
            raise InputError("method.cosine", self.cosine, accepted) from error


def _hidden(network: torch.nn.Module) -> list[Layer]:
    from homotopy_bench.models.layers import Layer

    return [module for module in network.modules() if isinstance(module, Layer)]
