"""Build a deep multilayer perceptron with equal hidden layers."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.models.base import Model

if TYPE_CHECKING:
    import torch


class MLP(Model):
    """``depth`` hidden layers of ``width`` units, then a linear map to the logits.

    The first hidden layer maps the input to the width; the other ``depth - 1`` keep it and are of the kind ``block``.
    """

    name: Literal["mlp"] = "mlp"
    depth: Annotated[int, Field(ge=1)] = 32
    width: Annotated[int, Field(ge=1)] = 64
    init: Annotated[
        Literal["default", "kaiming", "orthogonal", "looks_linear", "identity", "mean_preserving"], PER_MEMBER
    ] = "orthogonal"
    block: Literal[
        "plain",
        "batchnorm",
        "layernorm",
        "residual",
        "scaled_residual",
        "rezero",
        "small_residual",
        "dirac",
        "dirac_normalized",
    ] = "plain"
    activation: Literal[
        "relu", "leaky_relu", "tanh", "gelu", "tat_leaky_relu", "tat_tanh", "dks_tanh", "dks_softplus"
    ] = "relu"

    @model_validator(mode="after")
    def _mirrored_halves(self) -> MLP:
        if self.init == "looks_linear":
            if self.width % 2:
                raise ValueError(f"init=looks_linear mirrors two halves: width must be even, not {self.width}")
            if self.activation != "relu":
                raise ValueError(f"init=looks_linear needs activation=relu, not {self.activation}")
        if self.init in ("looks_linear", "mean_preserving") and self.block.startswith("dirac"):
            raise ValueError(f"block={self.block} writes a layer as I + V, which init={self.init} does not know")
        if self.init in ("looks_linear", "mean_preserving") and self.block == "small_residual":
            raise ValueError(f"block=small_residual starts from a quarter of its matrix, which init={self.init} fixes")
        if self.activation.startswith(("tat_", "dks_")) and self.block != "plain":
            raise ValueError(f"activation={self.activation} is tailored to plain layers: it needs block=plain")
        if (self.init, self.block) == ("identity", "dirac_normalized"):
            raise ValueError("init=identity is V = 0, which block=dirac_normalized cannot divide by its norm")
        return self

    def at_least(self) -> tuple[int, int]:
        """Return the layers, and the weights of all but the first and the last one."""
        return self.depth, self.width + (self.depth - 1) * self.width**2

    def trains_on_single_samples(self) -> bool:
        """Return whether no unit is normalised over the samples of a batch."""
        return self.block != "batchnorm"

    def build(self, input_shape: tuple[int, ...], classes: int) -> torch.nn.Module:
        """Return the network for samples of ``input_shape``, which are flattened, and ``classes`` logits."""
        from torch import nn

        from homotopy_bench.models.activations import activation_of
        from homotopy_bench.models.blocks import GAINS, WITHOUT_BIAS, hidden_layer, hidden_map, input_layer
        from homotopy_bench.models.initialization import initialize
        from homotopy_bench.models.layers import Network

        maps = [nn.Linear(prod(input_shape), self.width, bias=self.block not in WITHOUT_BIAS)]
        maps += [hidden_map(self.block, self.width) for _ in range(self.depth - 1)]
        output = nn.Linear(self.width, classes)
        initialize([*maps, output], self.init, self.activation, GAINS.get(self.block))
        activation = activation_of(self.activation, self.depth)
        first, *others = maps
        hidden = [input_layer(self.block, first, activation)]
        hidden += [hidden_layer(self.block, affine, activation, len(others)) for affine in others]
        return Network(flatten=nn.Flatten(), hidden=nn.Sequential(*hidden), output=output)
