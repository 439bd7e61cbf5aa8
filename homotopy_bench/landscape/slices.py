"""Evaluate the loss on lines and planes through networks.

A plane is a centre with two orthogonal axes. Through three networks it is the plane that they span (Garipov et al.
2018, arXiv:1802.10026, section 5); otherwise its axes are given directions, best filter-normalised ones (Li et al.
2018, arXiv:1712.09913). Points are evaluated in chunks of neighbours, without a matrix of all of them.

What networks keep besides their parameters (running statistics) follows a plane through them: at each point it is the
affine combination of the networks' own that gives the point from the networks. Each network is so found in the plane
with its own loss. Along directions from a single network it is that network's own everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.landscape.combined import Combined, Term
from homotopy_bench.landscape.measurement import Convention, Cost
from homotopy_bench.landscape.networks import Networks, Points, PointScores, Samples

MARGIN = 0.25
"""Part of its extent by which a plane through networks goes beyond them on every side."""

Progress = Callable[[int, int], object]
"""Called with the points evaluated and all points."""


@dataclass(frozen=True)
class Plane:
    """Hold a centre (P,) and orthogonal axes (D, P) of D = 1 or 2 dimensions: w = centre + sum_d c_d axis_d.

    Attributes:
        centre: The origin.
        axes: The axes, as long as their unit in the coordinates.
        marks: Coordinates (K, D) of networks in it.
        buffers: What networks keep besides their parameters: of the D + 1 at the marks, which points combine, or of a
            single one, which every point has.
    """

    centre: Float[Tensor, " P"]
    axes: Float[Tensor, "D P"]
    marks: Float[Tensor, "K D"]
    buffers: Points

    def points(self, coordinates: Float[Tensor, "K D"]) -> Combined:
        """Return the points with coordinates (K, D)."""
        shares = self._shares(coordinates)
        buffers = {name: _combined(name, values, shares) for name, values in self.buffers.buffers.items()}
        along = coordinates.double().cpu()
        rows, ones = torch.zeros(len(along), dtype=torch.int64), torch.ones(len(along), dtype=torch.float64)
        axes = [Term(self.axes, rows + d, along[:, d]) for d in range(len(self.axes))]
        return Combined((Term(self._origin, rows, ones), *axes), buffers)

    @cached_property
    def _origin(self) -> Float[Tensor, "1 P"]:
        """The centre as a point to combine from, one tensor for all points."""
        return self.centre[None]

    @property
    def combines(self) -> bool:
        """Whether the buffers of a point are an affine combination of several networks'."""
        return len(self.buffers) > 1

    def _shares(self, coordinates: Float[Tensor, "K D"]) -> Float[Tensor, "K N"]:
        """Return the shares, which add up to 1, of the N networks with buffers in the points."""
        if not self.combines:
            return torch.ones(len(coordinates), 1, dtype=torch.float64)
        origin, others = self.marks[0].double().cpu(), self.marks[1:].double().cpu()
        of_others = torch.linalg.solve((others - origin).T, (coordinates.double().cpu() - origin).T).T
        return torch.cat([1.0 - of_others.sum(dim=1, keepdim=True), of_others], dim=1)


@dataclass(frozen=True)
class Slice:
    """Hold a plane with loss (nats) and error (share of wrong predictions) on a grid of it.

    Attributes:
        plane: The plane.
        grid: Coordinates along each axis, D tensors (G_d,).
        loss: Losses (G_1,) or (G_1, G_2), float64.
        error: Errors, likewise.
        cost: What it cost.
        convention: What was evaluated.
    """

    plane: Plane
    grid: tuple[Float[Tensor, " G"], ...]
    loss: Float[Tensor, " *G"]
    error: Float[Tensor, " *G"]
    cost: Cost
    convention: Convention


def line_through(networks: Networks) -> Plane:
    """Return the line through two networks, the first at coordinate 0 and the second at 1.

    Raises:
        ValueError: If they are not two.
    """
    if len(networks) != 2:
        raise ValueError(f"{len(networks)} networks: a line leads through two")
    points = networks.points()
    axis = (points.theta[1] - points.theta[0])[None]
    marks = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    return Plane(points.theta[0], axis, marks, points)


def plane_through(networks: Networks) -> Plane:
    """Return the plane through three networks; its axes are orthogonal and of length 1, so that angles are true.

    Raises:
        ValueError: If they are not three, or lie on a line.

    Example:
        >>> from torch import nn
        >>> modules = [nn.Linear(1, 2, bias=False) for _ in range(3)]
        >>> for module, weights in zip(modules, ([0.0, 0.0], [3.0, 0.0], [1.0, 2.0]), strict=True):
        ...     _ = module.weight.data.copy_(torch.tensor(weights)[:, None])
        >>> plane_through(Networks.of(modules)).marks.tolist()
        [[0.0, 0.0], [3.0, 0.0], [1.0, 2.0]]
    """
    if len(networks) != 3:
        raise ValueError(f"{len(networks)} networks: a plane leads through three")
    points = networks.points()
    u, v = ((points.theta[row] - points.theta[0]).double() for row in (1, 2))
    v = orthogonalised(v, u)
    if float(u.norm()) == 0.0 or float(v.norm()) <= 1e-12 * float(u.norm()):
        raise ValueError("the three networks lie on a line")
    axes = torch.stack([u / u.norm(), v / v.norm()])
    marks = (points.theta.double() - points.theta[0].double()) @ axes.T
    return Plane(points.theta[0], axes.to(points.theta), marks, points)


def plane_along(networks: Networks, directions: Sequence[Float[Tensor, "1 P"]]) -> Plane:
    """Return the line or plane along directions from a single network.

    The second direction is made orthogonal to the first, and keeps its length.

    Args:
        networks: One network, the origin.
        directions: One or two directions, each (1, P).

    Raises:
        ValueError: If there is more than one network, or there are other than one or two directions.
    """
    if len(networks) != 1 or len(directions) not in (1, 2):
        raise ValueError(f"{len(networks)} networks, {len(directions)} directions: one network, one or two directions")
    axes = [directions[0][0]]
    if len(directions) == 2:
        second = orthogonalised(directions[1][0], axes[0])
        axes.append(second * (directions[1].norm() / second.norm()))
    marks = torch.zeros(1, len(axes), dtype=torch.float64)
    return Plane(networks.theta[0], torch.stack(axes), marks, networks.points())


def orthogonalised(vector: Float[Tensor, " P"], other: Float[Tensor, " P"]) -> Float[Tensor, " P"]:
    """Return a vector without its part along another, a - (<a, b>/<b, b>) b.

    Example:
        >>> orthogonalised(torch.tensor([1.0, 1.0]), torch.tensor([2.0, 0.0])).tolist()
        [0.0, 1.0]
    """
    return vector - (vector @ other) / (other @ other) * other


def spanned_grid(plane: Plane, size: int, margin: float = MARGIN) -> tuple[Float[Tensor, " G"], ...]:
    """Return coordinates of a grid of ``size`` points along each axis, which holds all marks with a margin."""
    found = []
    for values in plane.marks.T:
        low, high = float(values.min()), float(values.max())
        beyond = margin * (high - low)
        found.append(torch.linspace(low - beyond, high + beyond, size, dtype=torch.float64))
    return tuple(found)


def slice_of(
    networks: Networks,
    plane: Plane,
    grid: tuple[Float[Tensor, " G"], ...],
    samples: Samples,
    progress: Progress | None = None,
) -> Slice:
    """Return loss and error on a grid of a plane.

    Args:
        networks: Networks of the architecture; they evaluate the points.
        plane: The plane.
        grid: Coordinates along each of its axes.
        samples: Where.
        progress: Called as the points are evaluated.
    """
    coordinates = torch.cartesian_prod(*grid).view(-1, len(grid))
    count = len(coordinates)

    def chunks() -> Iterator[Combined]:
        for part in networks.chunks(count):
            yield plane.points(coordinates[part])
            if progress is not None:
                progress(part.stop, count)

    scores: PointScores = networks.evaluate(chunks(), samples)
    shape = tuple(len(values) for values in grid)
    buffers = "buffers combined as the parameters" if plane.combines else "buffers of the centre"
    convention = networks.convention(samples, f"slice of {' x '.join(map(str, shape))} points, {buffers}")
    return Slice(plane, grid, scores.loss.view(shape), scores.error.view(shape), Cost(forwards=count), convention)


def _combined(name: str, values: Tensor, shares: Float[Tensor, "K N"]) -> Tensor:
    """Return a buffer (K, *shape) of K points from that of N networks (N, *shape); what is no float is the first's."""
    if len(values) == 1 or not values.is_floating_point():
        return values[:1].expand(len(shares), *values.shape[1:])
    combined: Tensor = torch.tensordot(shares.to(values), values, dims=1)
    # Beyond the networks the combination of variances may fall below 0, where there is no root.
    return combined.clamp_min(0.0) if name.endswith("running_var") else combined
