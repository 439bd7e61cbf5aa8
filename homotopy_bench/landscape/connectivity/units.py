"""Permute, flip and scale the hidden units of one network, so that its outputs stay what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from homotopy_bench.landscape.connectivity.symmetries import Axis, Group
from homotopy_bench.landscape.networks import Networks, Points

Tensors = Mapping[str, Tensor]
"""Name of a parameter or buffer -> its value in one network."""


@dataclass(frozen=True)
class Change:
    """Say what becomes of the units of one group: new unit i is old unit ``order[i]``, times ``scale[i]``."""

    order: Int[Tensor, " n"]
    scale: Float[Tensor, " n"]

    @classmethod
    def none(cls, size: int) -> Change:
        """Return the change that leaves all units as they are."""
        return cls(torch.arange(size), torch.ones(size, dtype=torch.float64))


def tensors_of(networks: Networks, points: Points, row: int) -> dict[str, Tensor]:
    """Return the parameters and buffers of one point by name, as views."""
    theta = points.theta[row]
    parameters = {name: theta[columns].view(networks.shapes[name]) for name, columns in networks.columns.items()}
    return {**parameters, **{name: values[row] for name, values in points.buffers.items()}}


def changed(tensors: Tensors, groups: Sequence[Group], changes: Sequence[Change]) -> dict[str, Tensor]:
    """Return the tensors of the network whose units are changed; what no group concerns is shared.

    Args:
        tensors: Parameters and buffers of one network.
        groups: Its groups of units.
        changes: One for each group.
    """
    found = dict(tensors)
    for group, change in zip(groups, changes, strict=True):
        scale = change.scale
        for axis in group.made_by:
            found[axis.tensor] = _along(found[axis.tensor], axis, change.order, scale if axis.scaled else None)
        for axis in group.read_by:
            found[axis.tensor] = _along(found[axis.tensor], axis, change.order, 1.0 / scale)
    return found


def changed_points(
    networks: Networks, points: Points, groups: Sequence[Group], changes: Sequence[Sequence[Change]]
) -> Points:
    """Return K points with the units of each changed; one list of changes for all of them serves a whole trajectory.

    Args:
        networks: Networks of the architecture.
        points: The points.
        groups: The groups of units.
        changes: For each point a change for each group, or a single list for all points.
    """
    rows = []
    for row in range(len(points)):
        own = changes[row] if len(changes) > 1 else changes[0]
        rows.append(changed(tensors_of(networks, points, row), groups, own))
    return points_of(networks, rows)


def points_of(networks: Networks, rows: Sequence[Tensors]) -> Points:
    """Return networks given by their tensors as points, the inverse of :func:`tensors_of`."""
    theta = torch.stack([torch.cat([one[name].flatten() for name in networks.columns]) for one in rows])
    return Points(theta, {name: torch.stack([one[name] for one in rows]) for name in networks.buffers})


def by_unit(tensor: Tensor, axis: Axis, size: int) -> Tensor:
    """Return a tensor in which the dimension of an axis is two: the units, and the entries of each."""
    shape = tensor.shape
    return tensor.reshape(*shape[: axis.dim], size, axis.block, *shape[axis.dim + 1 :])


def _along(tensor: Tensor, axis: Axis, order: Tensor, scale: Tensor | None) -> Tensor:
    """Return a tensor with the units along an axis in another order, and scaled."""
    found = by_unit(tensor, axis, len(order)).index_select(axis.dim, order.to(tensor.device))
    if scale is not None:
        beside = [1] * found.dim()
        beside[axis.dim] = len(order)
        found = found * scale.to(found).view(beside)
    return found.reshape(tensor.shape)
