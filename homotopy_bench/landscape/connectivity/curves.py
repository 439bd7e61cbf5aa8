"""Train a curve of low loss between two networks (Garipov et al. 2018, arXiv:1802.10026).

A curve has both networks for its ends and one trained point between them:

    bezier      w(t) = (1-t)^2 w_0 + 2 t (1-t) theta + t^2 w_1                        eq. 4
    quadratic   w(t) = (1-t)(1-2t) w_0 + 4 t (1-t) theta + t (2t-1) w_1               passes through theta at t = 1/2

Every step draws one t ~ U(0, 1) and a batch, and follows the gradient of the loss at w(t); weight decay acts on w(t).
theta starts in the middle of the chord, where both curves are the chord itself: of all thetas seen, the one with the
lowest maximum along the curve is kept, so that a curve is never above its chord.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from homotopy_bench.landscape.combined import Combined, Term
from homotopy_bench.landscape.connectivity.barriers import PathScores, along
from homotopy_bench.landscape.connectivity.chords import Chord
from homotopy_bench.landscape.networks import Networks, Samples

Basis = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
"""t -> the weights of w_0, theta and w_1."""


def bezier(t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the weights of a quadratic Bezier curve.

    Example:
        >>> [weight.item() for weight in bezier(torch.tensor(0.5))]
        [0.25, 0.5, 0.25]
    """
    return (1.0 - t) ** 2, 2.0 * t * (1.0 - t), t**2


def quadratic(t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the weights of the parabola through w_0, theta and w_1 at t = 0, 1/2 and 1.

    Example:
        >>> [weight.item() for weight in quadratic(torch.tensor(0.5))]
        [0.0, 1.0, 0.0]
    """
    return (1.0 - t) * (1.0 - 2.0 * t), 4.0 * t * (1.0 - t), t * (2.0 * t - 1.0)


BASES: Mapping[str, Basis] = {"bezier": bezier, "quadratic": quadratic}

POINTS = 61
"""Points of a curve at which it is evaluated."""


class Curve:
    """Lead from w_0 over a trained point to w_1; running statistics go straight.

    Args:
        chord: The ends of n pairs.
        middle: theta, shape (n, P).
        basis: The weights.
    """

    def __init__(self, chord: Chord, middle: Float[Tensor, "n P"], basis: Basis) -> None:
        self._chord, self.middle, self._basis = chord, middle, basis

    @property
    def pairs(self) -> int:
        """Number n of pairs."""
        return self._chord.pairs

    def at(self, pair: Int[Tensor, " K"], a: Float[Tensor, " K"]) -> Combined:
        """Return K points."""
        of_first, of_middle, of_second = self._basis(a)
        first, second = self._chord.terms(pair, (of_first, of_second))
        return Combined(
            (first, Term(self.middle, pair, of_middle.double().cpu()), second), self._chord.buffers(pair, a)
        )


@dataclass(frozen=True)
class TrainedCurve:
    """Hold curves of n pairs, their scores at :data:`POINTS` points, and whether training had ended to improve each."""

    curve: Curve
    scores: PathScores
    settled: Tensor


def train_curves(
    networks: Networks,
    chord: Chord,
    samples: Samples,
    basis: Basis = bezier,
    *,
    steps: int = 400,
    batch_size: int = 128,
    lr: float = 0.02,
    weight_decay: float = 0.0,
    checks: int = 8,
    seed: int = 0,
) -> TrainedCurve:
    """Return trained curves between n pairs of networks, trained together.

    Args:
        networks: Networks of the architecture.
        chord: The pairs.
        samples: Training samples.
        basis: :func:`bezier` or :func:`quadratic`.
        steps: Gradient steps of SGD with momentum 0.9, the rate falling linearly to 0.
        batch_size: Samples of a batch, which all curves share; each has a t of its own.
        lr: Rate at the beginning.
        weight_decay: Decay of the point on the curve.
        checks: How often the maximum along the curve is looked at.
        seed: Seed of batches and positions.
    """
    generator = torch.Generator().manual_seed(seed)
    pairs = chord.pairs
    own = torch.arange(pairs)
    middle = ((chord.first.theta + chord.second.theta) / 2.0).clone()
    optimizer = torch.optim.SGD([middle], lr=lr, momentum=0.9)
    best, settled = _Best(networks, chord, samples, basis, middle), torch.ones(pairs, dtype=torch.bool)
    every = max(steps // checks, 1)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = lr * (1.0 - step / steps)
        t = torch.rand(pairs, generator=generator, dtype=torch.float64)
        chosen = torch.randint(len(samples), (min(batch_size, len(samples)),), generator=generator)
        batch = Samples(samples.x[chosen], samples.y[chosen], samples.split)
        points = Curve(chord, middle, basis).at(own, t)
        _, gradient = networks.gradient(points, batch)
        middle.grad = basis(t)[1].to(middle)[:, None] * (gradient + weight_decay * points.theta)
        optimizer.step()
        if (step + 1) % every == 0:
            settled = ~best.look(middle)
    curve = Curve(chord, best.middle, basis)
    return TrainedCurve(curve, best.scores, settled)


class _Best:
    """Keep of every pair the middle point whose curve has the lowest maximum so far."""

    def __init__(self, networks: Networks, chord: Chord, samples: Samples, basis: Basis, middle: Tensor) -> None:
        self._networks, self._chord, self._samples, self._basis = networks, chord, samples, basis
        self.middle = middle.clone()
        self.scores = self._along(middle)

    def look(self, middle: Tensor) -> Tensor:
        """Return whose curve is better than all before it."""
        scores = self._along(middle)
        better = scores.loss.amax(dim=1) < self.scores.loss.amax(dim=1)
        self.middle[better] = middle[better]
        parts = ((getattr(scores, name), getattr(self.scores, name)) for name in ("a", "loss", "error"))
        self.scores = PathScores(*(torch.where(better[:, None], new, old) for new, old in parts))
        return better

    def _along(self, middle: Tensor) -> PathScores:
        return along(self._networks, Curve(self._chord, middle, self._basis), self._samples, points=POINTS)
