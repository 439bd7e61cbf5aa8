"""Project the path of a training on the plane that holds most of it (Li et al. 2018, arXiv:1712.09913, section 7).

The plane goes through the end point, and its axes are the leading principal directions of the differences to it. They
come from the Gram matrix of the K differences, never from a matrix P x P. What the plane leaves out is said: the
explained variance, the distance of every checkpoint from the plane, and how wrong the loss at its projection is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.landscape.networks import Networks, Points, Samples
from homotopy_bench.landscape.slices import Plane


@dataclass(frozen=True)
class Trajectory:
    """Hold a trajectory of K points seen in its own plane.

    Attributes:
        plane: The plane; ``marks`` are the coordinates of the points, in the unit of the parameters.
        explained: Shares of the sum of squared distances to the end point that the two axes explain.
        distances: Distance of every point from the plane, (K,).
    """

    plane: Plane
    explained: tuple[float, float]
    distances: Float[Tensor, " K"]


def trajectory_plane(points: Points) -> Trajectory:
    """Return the plane of a trajectory whose last point is its end.

    With D (K, P) the differences to the end and D D^T = U S U^T, the axes are D^T u_i / sqrt(s_i).

    Args:
        points: K >= 3 points in the order of training.

    Raises:
        ValueError: If there are fewer points, or all lie on a line.

    Example:
        >>> theta = torch.tensor([[3.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 0.0]])
        >>> found = trajectory_plane(Points(theta, {}))
        >>> [round(share, 2) for share in found.explained], found.distances.tolist()
        ([0.64, 0.36], [0.0, 0.0, 0.0])
    """
    if len(points) < 3:
        raise ValueError(f"{len(points)} points: a plane needs at least 3")
    differences = (points.theta - points.theta[-1]).double()
    values, vectors = torch.linalg.eigh(differences @ differences.T)
    total = float(values.clamp_min(0.0).sum())
    if not float(values[-2]) > 1e-14 * total:
        raise ValueError("the points lie on a line")
    axes = torch.stack([differences.T @ vectors[:, -k] / values[-k].sqrt() for k in (1, 2)])
    marks = differences @ axes.T
    distances = (differences.square().sum(dim=1) - marks.square().sum(dim=1)).clamp_min(0.0).sqrt()
    end = points.rows(slice(len(points) - 1, len(points)))
    plane = Plane(points.theta[-1], axes.to(points.theta), marks, end)
    explained = (float(values[-1]) / total, float(values[-2]) / total)
    return Trajectory(plane, explained, distances)


def loss_errors(networks: Networks, points: Points, trajectory: Trajectory, samples: Samples) -> Float[Tensor, " K"]:
    """Return for each point the loss at its projection minus its own, in nats.

    Args:
        networks: Networks of the architecture.
        points: The points of the trajectory; the projections have their buffers.
        trajectory: Their plane.
        samples: Where.
    """
    projected = Points(trajectory.plane.points(trajectory.plane.marks).theta, points.buffers)
    each = (
        networks.evaluate((one.rows(part) for part in networks.chunks(len(points))), samples).loss
        for one in (projected, points)
    )
    there, here = each
    return there - here
