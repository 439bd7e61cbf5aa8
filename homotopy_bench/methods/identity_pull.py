"""Draw the weights of layers that keep their shape to the identity, after the update of the optimiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.hardware.transfer import sent, sent_like
from homotopy_bench.methods.identity_homotopy import deformable
from homotopy_bench.methods.regularizer import Regularizer
from homotopy_bench.models.dirac import delta
from homotopy_bench.models.layers import Layer


class IdentityPull(Regularizer):
    """Add eta g strength (1 - t) I to the weights, with the gain g of the optimiser under a constant gradient.

    Args:
        strengths: The members' strengths, >= 0.
        ensemble: The members, a row each.
    """

    def __init__(self, strengths: Sequence[float], ensemble: Ensemble) -> None:
        self._strengths = list(strengths)
        pulled = {id(layer.affine) for layer in deformable(ensemble.network) if isinstance(layer, Layer)}
        names = {f"{name}.weight" for name, module in ensemble.network.named_modules() if id(module) in pulled}
        identities = [
            delta(view.shape[1:], torch.empty(())).flatten() if name in names else torch.zeros(view[0].numel())
            for name, view in ensemble.parameters.items()
        ]
        self._columns = sent(torch.cat(identities).nonzero().flatten(), ensemble.theta.device)

    @override
    def add_gradient(self, ensemble: Ensemble, rows: Rows, t: Sequence[float]) -> None:
        """Add nothing: weight decay is no part of the gradient."""

    @override
    def after_step(self, ensemble: Ensemble, rows: Rows, t: Sequence[float], lr: Sequence[float]) -> None:
        """Add ``lr`` strength (1 - t), ``lr`` = eta g of each member, to the weights that are 1 in the identity."""
        members = zip(lr, self._strengths, t, strict=True)
        pull = sent_like([rate * strength * (1.0 - at) for rate, strength, at in members], ensemble.theta)
        ensemble.theta.index_add_(1, self._columns, pull.unsqueeze(1).expand(-1, len(self._columns)))

    @override
    def diagnostics(self, member: int, theta: Tensor, t: float) -> dict[str, Any]:
        """Return nothing: the weights say it all."""
        return {}
