"""Count the eigenvalues that matter, in four ways that go by one name; each is called by its own here.

All are functions of the spectrum, which a quadrature of stochastic Lanczos gives: Q times a weight is the number of
eigenvalues at a node. The quadrature must resolve the bulk: its smallest nodes are where most eigenvalues are.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.curvature.density import Quadrature


def effective_ranks(quadrature: Quadrature, size: int, regularisation: float) -> dict[str, Float[Tensor, " M"]]:
    """Return the effective ranks of each network's Hessian, shape (M,), by name.

    With eigenvalues l, positive parts l+ and a > 0:

        rank_regularised     sum l+ / (l+ + a)                         parameters that data determine (MacKay 1992)
        rank_entropy         exp(- sum p log p), p = |l| / sum |l|     (Roy and Vetterli 2007, eq. 4)
        rank_stable          tr H / lambda_max                         with the largest node for lambda_max
        rank_participation   (tr H)^2 / tr H^2

    and ``share_negative``, the share of eigenvalues below 0, which the ranks do not count apart.

    Args:
        quadrature: Nodes and weights of the density, of M networks.
        size: Q, the number of eigenvalues.
        regularisation: a, in the unit of the eigenvalues.

    Raises:
        ValueError: If a is not positive.

    Example:
        >>> nodes = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]], dtype=torch.float64)
        >>> found = effective_ranks(Quadrature(nodes, torch.full_like(nodes, 0.25), 4), 4, 1.0)
        >>> [round(found[name].item(), 6) for name in ("rank_regularised", "rank_entropy", "rank_participation")]
        [1.0, 2.0, 2.0]
    """
    if not regularisation > 0.0:
        raise ValueError(f"regularisation = {regularisation}: it must be positive")
    nodes, weights = quadrature.nodes.flatten(1), quadrature.weights.flatten(1)
    counts = size * weights / quadrature.nodes.shape[1]  # eigenvalues at each node, (M, probes * steps)
    positive = nodes.clamp_min(0.0)
    trace, squared = (counts * nodes).sum(dim=1), (counts * nodes.square()).sum(dim=1)
    total = (counts * nodes.abs()).sum(dim=1, keepdim=True)
    p = nodes.abs() / total
    entropy = -(counts * torch.where(p > 0.0, p * p.log(), 0.0)).sum(dim=1)
    # Nodes at the level of rounding beside the largest are zeros of the Hessian, of either sign.
    level = 1e-6 * nodes.abs().amax(dim=1, keepdim=True)
    return {
        "rank_regularised": (counts * positive / (positive + regularisation)).sum(dim=1),
        "rank_entropy": entropy.exp(),
        "rank_stable": trace / nodes.amax(dim=1),
        "rank_participation": trace.square() / squared,
        "share_negative": (counts * (nodes < -level)).sum(dim=1) / size,
    }
