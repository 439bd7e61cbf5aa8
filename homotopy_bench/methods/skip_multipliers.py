"""Phase skip connections out by Lagrange multipliers: a continuation without a schedule.

Every hidden layer that keeps the shape of its input x is replaced by

    y = alpha x + (1 - alpha) layer(x),        alpha in [0, 1], trained from 1,

and alpha = 0 is asked for as a constraint, in the Lagrangian f + sum_l lambda_l alpha_l. Weights and alphas descend,
multipliers ascend: after every step lambda_l <- lambda_l + ``rate`` alpha_l, from 0, and alpha_l is put back into
[0, 1]. A skip goes when the loss no longer pays for it, each layer in its own time (Monti et al. 2018,
doi:10.1007/978-3-030-01424-7_44). The constraint, the ascent and the phasing out are theirs; the form of the layer and
the constants are ours, as the paper was at hand in its abstract alone.

For t < 1 nothing depends on t. At t = 1 the layers are plain, whatever the alphas: ``continuation=jump`` says when that
must be. The alphas are parameters like others, for clipping and for weight decay.
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

    from homotopy_bench.methods.base import InitialState
    from homotopy_bench.methods.regularizer import Regularizer


class SkipMultipliers(Method):
    """Train the weight of every skip under the constraint that it is 0; ``rate`` is that of the multipliers."""

    name: Literal["skip_multipliers"] = "skip_multipliers"
    rate: Annotated[float, Field(gt=0.0), PER_MEMBER] = 1e-3

    @property
    def has_own_terms(self) -> bool:
        """Yes: the multipliers, and the projection."""
        return True

    @property
    def has_own_parameters(self) -> bool:
        """Yes: the weights of the skips."""
        return True

    @property
    def path_shape(self) -> None:
        """Nothing: the rate is none of the coefficients."""
        return

    def deform(self, network: torch.nn.Module) -> None:
        """Put a skip around every layer that keeps its shape.

        Raises:
            InputError: If no layer of the network does.
        """
        import torch
        from torch import nn

        from homotopy_bench.methods.identity_homotopy import check_no_skips, deformable
        from homotopy_bench.methods.phased_skips import ALPHA, MULTIPLIERS, skip
        from homotopy_bench.models.layers import DEFORMATION, Deformation, Deformed
        from homotopy_bench.models.ordinary import is_ordinary

        layers = deformable(network)
        if not layers:
            what = "none of this model keeps its shape; mlp and cnn need depth >= 2"
            if is_ordinary(network):
                what = "of a network from outside it knows none; accepted: mlp, cnn, vgg, transformer, vit"
            raise InputError("method", self.name, f"puts skips around the package's own hidden layers; {what}")
        check_no_skips(self.name, layers)
        alphas = {f"{ALPHA}_{index}": nn.Parameter(torch.ones(())) for index in range(len(layers))}
        deformation = Deformation(skip, {"on": 0.0}, alphas)
        for layer, name in zip(layers, alphas, strict=True):
            layer.deform(Deformed(deformation, name))
        network.register_buffer(MULTIPLIERS, torch.zeros(len(layers)))
        network.add_module(DEFORMATION, deformation)

    @override
    def coefficients(self, t: Tensor, network: torch.nn.Module) -> dict[str, Tensor]:
        """Return 1 for members on the path and 0 for those at t = 1, shape (M,)."""
        return {"homotopy.on": (t < 1.0).to(t.dtype)}

    def regularizer(self, initial: InitialState) -> Regularizer:
        """Return the multipliers."""
        from homotopy_bench.methods.phased_skips import PhasedSkips

        return PhasedSkips([one.rate for one in initial.methods if isinstance(one, SkipMultipliers)], initial.ensemble)
