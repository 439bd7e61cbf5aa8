"""Penalties on the weights of the target network, per member of an ensemble.

A member that minimises L(theta) on its data minimises with penalties

    L(theta) + l1 sum |w| + l2 sum w^2

instead, both sums over the weights w of its affine maps and convolutions: the parameters of the target network with at
least two dimensions. Biases, the scales of a normalisation and the parameters of a deformation are left alone, as by a
kernel regulariser of Keras. The gradient is l1 sign(w) + 2 l2 w, with sign(0) = 0. Unlike the decoupled weight decay of
AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2), it passes through clipping and the moments.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.hardware.transfer import sent_like
from homotopy_bench.models.layers import DEFORMATION


class WeightPenalty:
    """Compute l1 sum |w| + l2 sum w^2 of every member, with its own l1 and l2.

    Args:
        ensemble: The M members.
        l1: Their l1, M values >= 0.
        l2: Their l2, M values >= 0.

    Example:
        >>> ensemble = Ensemble([torch.nn.Linear(2, 1) for _ in range(2)])
        >>> _ = ensemble.theta.copy_(torch.tensor([[3.0, -2.0, 5.0], [3.0, -2.0, 5.0]]))
        >>> penalty = WeightPenalty(ensemble, l1=[0.5, 0.0], l2=[0.0, 1.0])
        >>> penalty.values().tolist()
        [2.5, 13.0]
        >>> penalty.add_gradient()
        >>> ensemble.gradient.tolist()
        [[0.5, -0.5, 0.0], [6.0, -4.0, 0.0]]
    """

    def __init__(self, ensemble: Ensemble, l1: Sequence[float], l2: Sequence[float]) -> None:
        self._ensemble = ensemble
        self._weights = [
            name
            for name, view in ensemble.parameters.items()
            if view[0].dim() >= 2 and not name.startswith(f"{DEFORMATION}.")
        ]
        self._l1 = sent_like(l1, ensemble.theta) if any(l1) else None
        self._double_l2 = 2.0 * sent_like(l2, ensemble.theta) if any(l2) else None

    def add_gradient(self) -> None:
        """Add the members' l1 sign(w) + 2 l2 w to their rows of the gradient."""
        # Tensor by tensor, so that the rounding of the last values does not depend on what a deformation adds behind.
        for name in self._weights:
            gradient, weight = self._ensemble.gradients[name], self._ensemble.parameters[name].detach()
            per_member = (-1, *[1] * (weight.dim() - 1))
            if self._l1 is not None:
                gradient.addcmul_(weight.sign(), self._l1.view(per_member))
            if self._double_l2 is not None:
                gradient.addcmul_(weight, self._double_l2.view(per_member))

    def values(self) -> Float[torch.Tensor, " M"]:
        """Return the members' l1 sum |w| + l2 sum w^2, shape (M,)."""
        total = torch.zeros_like(self._ensemble.theta[:, 0])
        for name in self._weights:
            weight = self._ensemble.parameters[name].detach().flatten(start_dim=1)
            if self._l1 is not None:
                total += self._l1 * weight.abs().sum(dim=1)
            if self._double_l2 is not None:
                total += 0.5 * self._double_l2 * weight.square().sum(dim=1)
        return total


def weight_penalty(ensemble: Ensemble, l1: Sequence[float], l2: Sequence[float]) -> WeightPenalty | None:
    """Return the members' penalty, or None where no member has one; arguments as for :class:`WeightPenalty`."""
    return WeightPenalty(ensemble, l1, l2) if any(l1) or any(l2) else None
