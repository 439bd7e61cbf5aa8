"""Grow the depth of the network with t: layers open one after another, from the input to the output.

The k-th of D layers that keep the shape of their input x, k = 0, ..., D - 1, is replaced by

    y = (1 - c_k) x + c_k layer(x),      c_k(t) = min(max(((D - 1 + m) t - k) / m, 0), 1)

with m layers opening at the same time. At t = 0 the network has no such layer; at t = 1 all c_k are 1, and it is the
target network exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from homotopy_bench.core.errors import InputError
from homotopy_bench.methods.base import Method

if TYPE_CHECKING:
    import torch


class ProgressiveDepth(Method):
    """Open the layers that keep their shape one after another, ``overlap`` of them at the same time.

    ``layers`` names the submodules to deform, by patterns such as stages.*.
    """

    name: Literal["progressive_depth"] = "progressive_depth"
    overlap: Annotated[float, Field(gt=0.0)] = 1.0
    layers: str | None = None

    def deform(self, network: torch.nn.Module) -> None:
        """Give every layer that keeps its shape coefficients of its own.

        Raises:
            InputError: If there is no such layer.
        """
        from torch import nn

        from homotopy_bench.methods.identity_homotopy import deformable_layers
        from homotopy_bench.models.blend import blend
        from homotopy_bench.models.layers import Deformation
        from homotopy_bench.models.ordinary import deform_output, hold_deformation

        layers = deformable_layers(network, None if self.layers is None else self.layers.split(","))
        if not layers:
            raise InputError("method", self.name, "the model has no hidden layer that keeps its shape")
        deformations = [Deformation(blend, {"s": 0.0, "c": 1.0}) for _ in layers]
        for layer, deformation in zip(layers, deformations, strict=True):
            deform_output(layer, deformation)
        hold_deformation(network, nn.ModuleList(deformations))

    def coefficients(self, t: torch.Tensor, network: torch.nn.Module) -> dict[str, torch.Tensor]:
        """Return s = 1 - c and c of every layer for the members' path parameters t, shape (M,)."""
        depth = len(list(network.get_submodule("homotopy").children()))
        values = {}
        for k in range(depth):
            c = (((depth - 1 + self.overlap) * t - k) / self.overlap).clamp(0.0, 1.0).masked_fill(t == 1.0, 1.0)
            values |= {f"homotopy.{k}.s": 1.0 - c, f"homotopy.{k}.c": c}
        return values
