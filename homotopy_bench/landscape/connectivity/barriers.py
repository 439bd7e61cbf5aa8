"""Measure barriers along paths between networks, by both published conventions.

Of a quantity L (the loss in nats, or the share of wrong predictions) along a path w(a), a in [0, 1]:

    frankle   max L(w(a)) - (L(w(0)) + L(w(1)))/2                    Frankle et al. 2020, arXiv:1912.05671
    entezari  max [L(w(a)) - (1 - a) L(w(0)) - a L(w(1))]            Entezari et al. 2022, arXiv:2110.06296

with the maximum over the inside of the path, so that both have a sign: below 0 the path is lower than its ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.landscape.combined import Combined
from homotopy_bench.landscape.connectivity.chords import Path
from homotopy_bench.landscape.first_layer import FirstLayer
from homotopy_bench.landscape.measurement import Convention, Cost, Measurement
from homotopy_bench.landscape.networks import Networks, Points, PointScores, Samples

POINTS = 31
"""Equidistant points of a path, with its ends."""

REFINED = 4
"""More points around the maximum of the loss, between its neighbours."""


@dataclass(frozen=True)
class PathScores:
    """Hold loss and error along n paths, at positions a (n, points), ascending, with both ends."""

    a: Float[Tensor, "n points"]
    loss: Float[Tensor, "n points"]
    error: Float[Tensor, "n points"]


def along(networks: Networks, path: Path, samples: Samples, *, points: int = POINTS) -> PathScores:
    """Return loss and error along paths, at equidistant points and at some more around each path's maximal loss.

    Args:
        networks: Networks of the architecture; they evaluate the points.
        path: The paths of n pairs.
        samples: Where.
        points: Equidistant points, with the ends; at least 3.

    Raises:
        ValueError: If there are fewer points.
    """
    if points < 3:
        raise ValueError(f"points = {points}: at least 3 are needed")
    grid = torch.linspace(0.0, 1.0, points, dtype=torch.float64).expand(path.pairs, -1)
    first = networks.first_layer(samples)
    coarse = _evaluate(networks, path, samples, grid, first)
    loss = coarse.loss.view(path.pairs, points)
    top = torch.where(loss[:, 1:-1].isnan(), -torch.inf, loss[:, 1:-1]).argmax(dim=1) + 1
    step = 1.0 / (points - 1)
    offsets = torch.linspace(-1.0, 1.0, REFINED + 3, dtype=torch.float64)
    offsets = offsets[(offsets.abs() > 1e-9) & (offsets.abs() < 1.0)] * step
    fine_a = grid.gather(1, top[:, None]) + offsets
    fine = _evaluate(networks, path, samples, fine_a, first)
    a, order = torch.cat([grid, fine_a], dim=1).sort(dim=1)
    parts = [
        torch.cat([one.view(path.pairs, -1), other.view(path.pairs, -1)], dim=1).gather(1, order)
        for one, other in ((coarse.loss, fine.loss), (coarse.error, fine.error))
    ]
    return PathScores(a, parts[0], parts[1])


def barriers(scores: PathScores, convention: Convention) -> dict[str, Measurement]:
    """Return ``barrier_loss``, ``barrier_error`` (entezari) and ``barrier_loss_frankle``, ``barrier_error_frankle``.

    ``max_loss`` is the largest loss anywhere on the path. ``tables`` hold the curves. The values
    are exact at their points; between them a path may be higher.

    Args:
        scores: Loss and error along n paths.
        convention: What a barrier says of itself; ``details`` is completed.

    Example:
        >>> a = torch.tensor([[0.0, 0.5, 1.0]], dtype=torch.float64)
        >>> found = barriers(PathScores(a, 2 * a * (1 - a) + a, 0 * a), Convention("test", 10, "float64"))
        >>> found["barrier_loss"].value.item(), found["barrier_loss_frankle"].value.item()
        (0.5, 0.5)
    """
    tables = {"a": scores.a, "loss": scores.loss, "error": scores.error}
    found: dict[str, Measurement] = {}
    count = scores.a.shape[1]
    error = torch.where(scores.loss.isfinite(), scores.error, torch.nan)  # what a broken network predicts means nothing
    for name, values in (("loss", scores.loss), ("error", error)):
        ends = values[:, :1], values[:, -1:]
        chord = (1.0 - scores.a) * ends[0] + scores.a * ends[1]
        inside = values[:, 1:-1]
        entezari = (inside - chord[:, 1:-1]).amax(dim=1)
        frankle = inside.amax(dim=1) - (ends[0] + ends[1])[:, 0] / 2.0
        kinds = {"": (entezari, "over the chord of the ends (Entezari et al. 2022)")}
        kinds["_frankle"] = (frankle, "over the mean of the ends (Frankle et al. 2020)")
        for suffix, (value, words) in kinds.items():
            details = f"{convention.details}; largest excess of the {name} {words}, inside, {count} points"
            own = Convention(
                convention.split, convention.samples, convention.dtype, convention.batchnorm, None, details
            )
            found[f"barrier_{name}{suffix}"] = _exact(value, own, count, tables if not suffix else {})
    found["max_loss"] = _exact(scores.loss.amax(dim=1), convention, count, {})
    return found


def _exact(value: Tensor, convention: Convention, points: int, tables: dict[str, Tensor]) -> Measurement:
    finite = value.isfinite()
    reasons = tuple(None if ok else "the loss on the path is not finite" for ok in finite.tolist())
    cost = Cost(forwards=points)
    return Measurement(value, torch.zeros_like(value), finite, cost, convention, reasons, tables)


def _evaluate(
    networks: Networks, path: Path, samples: Samples, a: Float[Tensor, "n points"], first: FirstLayer | None
) -> PointScores:
    pair = torch.arange(path.pairs)[:, None].expand(a.shape).flatten()
    flat = a.flatten()

    def chunks() -> Iterator[Points | Combined]:
        for part in networks.chunks(len(flat)):
            yield path.at(pair[part], flat[part])

    return networks.evaluate(chunks(), samples, first)
