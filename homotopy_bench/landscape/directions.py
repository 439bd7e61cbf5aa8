"""Draw random directions in the space of parameters, the same for all networks but for their scale."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.landscape.networks import Networks


def gaussian(networks: Networks, generator: torch.Generator) -> Float[Tensor, "M P"]:
    """Return a direction d with independent N(0, 1) entries, shape (M, P), all rows equal.

    It is drawn on the host in float64, so that a seed means the same direction on every device and in every format.
    """
    normal = torch.randn(networks.theta.shape[1], generator=generator, dtype=torch.float64)
    return normal.to(networks.theta).expand_as(networks.theta)


def filter_normalised(networks: Networks, directions: Float[Tensor, "M P"]) -> Float[Tensor, "M P"]:
    """Return directions in which every filter has the norm of the network's own (Li et al. 2018, arXiv:1712.09913).

    d_ij <- d_ij |w_ij| / |d_ij|, with w_ij the j-th output row or filter of layer i: what leads to one unit of the next
    layer. Entries of tensors of fewer than two dimensions (biases, the scales of a normalisation) are 0, and those of a
    filter that is 0 itself. Scaling a unit's weights and undoing that in the next layer, which changes no output of a
    ReLU network, scales such a direction alike.

    Args:
        networks: The M networks.
        directions: d, shape (M, P).

    Example:
        >>> from torch import nn
        >>> network = nn.Linear(2, 2)
        >>> _ = network.weight.data.copy_(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        >>> filter_normalised(Networks.of([network]), torch.ones(1, 6)).tolist()
        [[3.535533905029297, 3.535533905029297, 0.0, 0.0, 0.0, 0.0]]
    """
    scaled = torch.zeros_like(directions)
    for name, columns in networks.columns.items():
        shape = networks.shapes[name]
        if len(shape) < 2:
            continue
        w = networks.theta[:, columns].reshape(len(networks), shape[0], -1)
        d = directions[:, columns].reshape(len(directions), shape[0], -1)
        length = d.norm(dim=2, keepdim=True)
        factor = torch.where(length > 0.0, w.norm(dim=2, keepdim=True) / length, 0.0)
        scaled[:, columns] = (factor * d).flatten(1)
    return scaled


def elementwise(networks: Networks, directions: Float[Tensor, "M P"]) -> Float[Tensor, "M P"]:
    """Return directions scaled by the size of every parameter, d_i |w_i| (Kwon et al. 2021, arXiv:2102.11600)."""
    return directions * networks.theta.abs()
