"""Move the centre of weight decay from the identity to 0.

After every step of a rate eta, the weights of every layer that keeps its shape are drawn by

    W <- W + eta g strength (1 - t) I

(I: the identity, of a convolution the kernel that leaves its input as it is; g: how far the optimiser moves a weight in
all under a constant gradient of 1, in units of eta: 1, or 1/(1 - momentum) for SGD, whose decay is part of the
gradient). With ``strength`` = lambda, the decoupled weight decay of AdamW, W <- W - eta lambda W, the two draw W to the
centre (1 - t) I. At t = 0 this is the decay of V in
W = I + V (``model.block=dirac``), at t = 1 the ordinary one; the network itself is the plain one throughout. It goes
with ``model.init=identity``, or any other start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.core.run_sections import RunSections
from homotopy_bench.methods.base import Method

if TYPE_CHECKING:
    import torch

    from homotopy_bench.methods.base import InitialState
    from homotopy_bench.methods.regularizer import Regularizer


class DecayCentre(Method):
    """Draw the weights of layers that keep their shape to (1 - t) I with ``strength``."""

    name: Literal["decay_centre"] = "decay_centre"
    strength: Annotated[float, Field(ge=0.0), PER_MEMBER]

    @property
    def has_own_terms(self) -> bool:
        """Yes: weights are drawn after every step."""
        return True

    @property
    def path_shape(self) -> None:
        """Nothing: there are no coefficients."""
        return

    def check(self, run: RunSections) -> None:
        """Check that the decay, which the pull is weighed against, is that of AdamW or SGD at one rate.

        Raises:
            InputError: With another optimiser: Adam rescales its decay with the gradient, natural gradient has none,
                and the line search of L-BFGS does not know of the pull. Or with a rate for every layer, of which the
                pull knows the mean alone.
        """
        if run.optimizer.name not in ("adamw", "sgd"):
            accepted = "method=decay_centre needs a decay that is W <- (1 - c) W after every step; accepted: adamw, sgd"
            raise InputError("optimizer", run.optimizer.name, accepted)
        if getattr(run.lr_schedule, "scope", "global") == "per_layer":
            accepted = "the pull of method=decay_centre is weighed by one rate; accepted: global"
            raise InputError("lr_schedule.scope", "per_layer", accepted)

    def deform(self, network: torch.nn.Module) -> None:
        """Check that the network has a map that keeps its shape, and leave it as it is.

        Raises:
            InputError: If it has none, or one that is written I + V, whose decay has the centre I already.
        """
        from homotopy_bench.methods.identity_homotopy import deformable
        from homotopy_bench.models.dirac import Dirac
        from homotopy_bench.models.layers import Layer

        maps = [layer.affine for layer in deformable(network) if isinstance(layer, Layer)]
        if not maps:
            why = "the model has no single map that keeps its shape"
            raise InputError("method", self.name, f"{why}; accepted: mlp or cnn with depth >= 2")
        if any(isinstance(one, Dirac) for one in maps):
            raise InputError("method", self.name, "the decay of I + V has the centre I; accepted: another model.block")

    def regularizer(self, initial: InitialState) -> Regularizer:
        """Return the pull to the identity."""
        from homotopy_bench.methods.identity_pull import IdentityPull

        strengths = [one.strength if isinstance(one, DecayCentre) else 0.0 for one in initial.methods]
        return IdentityPull(strengths, initial.ensemble)
