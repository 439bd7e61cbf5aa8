"""Scale the units of a ReLU network so that what makes a unit and what reads it have equal norms.

Scaling a unit by s > 0 and its readers by 1/s changes no output, but moves the network: two equal functions may lie far
apart. Balanced networks can be compared. Of all equivalent networks the balanced one has the smallest |theta|
(Neyshabur et al. 2015, arXiv:1506.02617, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from homotopy_bench.landscape.connectivity.symmetries import Axis, Group
from homotopy_bench.landscape.connectivity.units import Change, Tensors, changed

SWEEPS = 50
"""Most sweeps over the groups: scaling a unit changes the norms of its neighbours."""


def balanced(tensors: Tensors, groups: Sequence[Group]) -> dict[str, Tensor]:
    """Return the tensors of the network with balanced units, of the groups that can be scaled.

    A unit that nothing makes or nothing reads stays as it is.

    Args:
        tensors: Parameters and buffers of one network.
        groups: Its groups of units.

    Example:
        >>> from torch import nn
        >>> from homotopy_bench.landscape.connectivity.symmetries import groups_of
        >>> network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False))
        >>> tensors = {"0.weight": torch.tensor([[8.0]]), "2.weight": torch.tensor([[2.0]])}
        >>> {name: value.item() for name, value in balanced(tensors, groups_of(network)).items()}
        {'0.weight': 4.0, '2.weight': 4.0}
    """
    found = dict(tensors)
    for _ in range(SWEEPS):
        largest = 0.0
        for group in groups:
            if not group.homogeneous:
                continue
            made = _squares(found, group.made_by, group.size)
            read = _squares(found, group.read_by, group.size)
            scale = torch.where((made > 0.0) & (read > 0.0), (read / made) ** 0.25, 1.0)
            change = Change(torch.arange(group.size), scale.cpu())
            found = changed(found, [group], [change])
            largest = max(largest, float((scale - 1.0).abs().max()))
        if largest < 1e-6:
            break
    return found


def _squares(tensors: Tensors, axes: Sequence[Axis], size: int) -> Tensor:
    """Return for each unit the sum of squares over the axes that scaling it scales."""
    total = torch.zeros(size, dtype=torch.float64)
    for axis in axes:
        if axis.scaled:
            values = tensors[axis.tensor].double().movedim(axis.dim, 0).reshape(size, -1)
            total = total + values.square().sum(dim=1).cpu()
    return total
