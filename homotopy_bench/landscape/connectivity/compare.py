"""List what is measured between two networks, for many pairs at once.

What a path needs (statistics of activations, trained curves) comes from training samples, whatever samples it is
measured on: nothing here learns from test data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from numpy.typing import ArrayLike
from torch import nn

from homotopy_bench.core.errors import InputError, nearest
from homotopy_bench.landscape.connectivity.balancing import balanced
from homotopy_bench.landscape.connectivity.barriers import along, barriers
from homotopy_bench.landscape.connectivity.chords import (
    Chord,
    Path,
    ReestimatedChord,
    RepairedChord,
    all_pairs,
    chord_of,
)
from homotopy_bench.landscape.connectivity.curves import BASES, POINTS, TrainedCurve, train_curves
from homotopy_bench.landscape.connectivity.matching import Matching, match
from homotopy_bench.landscape.connectivity.repair import NotRepairable
from homotopy_bench.landscape.connectivity.similarity import similarity
from homotopy_bench.landscape.connectivity.symmetries import Group, UnknownModule, groups_of
from homotopy_bench.landscape.connectivity.units import changed, points_of, tensors_of
from homotopy_bench.landscape.measurement import Cost, Measurement, exact
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.landscape.samples import samples_of

Figures = dict[str, Measurement]

STATISTICS_SAMPLES = 1000
"""Most samples of the statistics of a repaired point, which has them measured layer by layer."""


@dataclass(frozen=True)
class Pairs:
    """Hold pairs of networks of one architecture, with what several metrics need of them.

    Attributes:
        networks: The M networks.
        pairs: Rows i and j of n pairs.
        train: Training samples.
        seed: Seed of searches and of trained curves.
    """

    networks: Networks
    pairs: Sequence[tuple[int, int]]
    train: Samples
    seed: int = 0

    @cached_property
    def chord(self) -> Chord:
        """The chords between the networks as they are."""
        return chord_of(self.networks, list(self.pairs))

    @cached_property
    def groups(self) -> list[Group]:
        """The groups of hidden units; UnknownModule where they are not known."""
        return groups_of(self.networks.architecture)

    @cached_property
    def _balanced(self) -> list[dict[str, torch.Tensor]]:
        points = self.networks.points()
        return [balanced(tensors_of(self.networks, points, row), self.groups) for row in range(len(self.networks))]

    @cached_property
    def matchings(self) -> list[Matching]:
        """How the units of the second network of each pair are changed, both networks balanced."""
        names = list(self.networks.columns)
        ends = self._balanced
        return [match(ends[i], ends[j], names, self.groups, seed=self.seed) for i, j in self.pairs]

    @cached_property
    def matched_chord(self) -> Chord:
        """The chords between the balanced networks with matched units."""
        first = points_of(self.networks, self._balanced)
        moved = [
            changed(self._balanced[j], self.groups, found.changes)
            for (_, j), found in zip(self.pairs, self.matchings, strict=True)
        ]
        rows = torch.tensor([(i, row) for row, (i, _) in enumerate(self.pairs)], dtype=torch.int64)
        return Chord(first, points_of(self.networks, moved), rows.view(-1, 2))

    @cached_property
    def curves(self) -> TrainedCurve:
        """Bezier curves between the networks as they are."""
        return train_curves(self.networks, self.chord, self.train, BASES["bezier"], seed=self.seed)


def chord_barriers(pairs: Pairs, samples: Samples) -> Figures:
    """Return the barriers along the chords, running statistics interpolated."""
    return _path_barriers(pairs, pairs.chord, samples, "straight chord", "")


def reestimated_barriers(pairs: Pairs, samples: Samples) -> Figures:
    """Return the barriers along the chords with statistics of BatchNorm estimated anew on training samples."""
    if not pairs.networks.normalises_batches():
        return _without(pairs, samples, "reestimated_", "no layer normalises batches")
    path = ReestimatedChord(pairs.chord, pairs.networks, pairs.train)
    return _path_barriers(pairs, path, samples, "straight chord, statistics of training samples", "reestimated_", True)


def matched_barriers(pairs: Pairs, samples: Samples) -> Figures:
    """Return the barriers along the chords between balanced networks with matched units, and how good the matching is.

    ``matching_gain`` is (objective - mean of random ones)/(|w_a||w_b| - mean of random ones): 0 for no better than
    random permutations, 1 for networks that are permutations of each other. Where the matching is not known to be one
    (it has not converged, or some random permutation is better), nothing here has converged.
    """
    try:
        path = pairs.matched_chord
    except UnknownModule as error:
        return _without(pairs, samples, "matched_", str(error))
    found = _path_barriers(pairs, path, samples, "chord after balancing and weight matching", "matched_")
    known = torch.tensor([one.known for one in pairs.matchings])
    lengths = path.first.theta.double().norm(dim=1) * path.second.theta.double().norm(dim=1)
    random = torch.tensor([sum(one.random) / len(one.random) for one in pairs.matchings], dtype=torch.float64)
    objective = torch.tensor([one.objective for one in pairs.matchings], dtype=torch.float64)
    words = pairs.networks.convention(samples, "(objective - random)/(|w_a||w_b| - random) of weight matching")
    gain = exact((objective - random) / (lengths.cpu() - random), Cost(), words)
    return _only_known({**found, "matching_gain": gain}, known)


def repaired_barriers(pairs: Pairs, samples: Samples) -> Figures:
    """Return the barriers after matching and REPAIR; with BatchNorm after matching and new statistics."""
    try:
        chord = pairs.matched_chord
        if pairs.networks.normalises_batches():
            path: Path = ReestimatedChord(chord, pairs.networks, pairs.train)
        else:
            path = RepairedChord(chord, pairs.networks, _few(pairs.train))
        words = "chord after balancing, weight matching and REPAIR with training samples"
        found = _path_barriers(pairs, path, samples, words, "repaired_", pairs.networks.normalises_batches())
    except (UnknownModule, NotRepairable) as error:
        return _without(pairs, samples, "repaired_", str(error))
    return _only_known(found, torch.tensor([one.known for one in pairs.matchings]))


def bezier_barriers(pairs: Pairs, samples: Samples) -> Figures:
    """Return the barriers along quadratic Bezier curves trained between the networks as they are."""
    curves = pairs.curves
    scores = curves.scores if samples is pairs.train else along(pairs.networks, curves.curve, samples, points=POINTS)
    convention = pairs.networks.convention(samples, "quadratic Bezier curve trained on training samples")
    found = {f"bezier_{name}": one for name, one in barriers(scores, convention).items()}
    return {name: replace(one, converged=one.converged & curves.settled) for name, one in found.items()}


def end_similarity(pairs: Pairs, samples: Samples) -> Figures:
    """Return disagreement of predictions and linear CKA of the logits of the two networks."""
    return similarity(pairs.networks, pairs.chord, samples)


PairMetric = Callable[[Pairs, Samples], Figures]

FAST_PAIR_METRICS: Mapping[str, PairMetric] = {
    "chord": chord_barriers,
    "similarity": end_similarity,
    "matched": matched_barriers,
}
"""What ``fast`` measures of pairs."""

FULL_PAIR_METRICS: Mapping[str, PairMetric] = {
    **FAST_PAIR_METRICS,
    "reestimated": reestimated_barriers,
    "repaired": repaired_barriers,
    "bezier": bezier_barriers,
}
"""What ``full`` measures of pairs."""


def compare(
    networks: Sequence[nn.Module],
    x: ArrayLike,
    y: ArrayLike,
    *,
    pairs: Sequence[tuple[int, int]] | None = None,
    metrics: Iterable[str] = tuple(FAST_PAIR_METRICS),
    split: str = "train",
) -> Figures:
    """Compare modules of one architecture pair by pair.

    Args:
        networks: Modules from inputs (B, *shape) to logits (B, classes).
        x: Inputs (N, *shape), an array or a tensor; integers are tokens. What a path learns, it learns from them.
        y: Labels (N,), integers from 0.
        pairs: Indices of the networks of each pair; None for all pairs.
        metrics: Names of the metrics, keys of :data:`FULL_PAIR_METRICS`.
        split: ``train`` or ``test``: what the samples are, for the record.

    Returns:
        Name of a value -> the values of all pairs, with errors, cost and convention.

    Raises:
        InputError: If there is no such metric, or no pair.

    Example:
        >>> from torch import nn
        >>> network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> x, y = torch.randn(20, 3), torch.arange(20) % 2
        >>> found = compare([network, network], x, y, metrics=["chord", "similarity"])
        >>> abs(found["barrier_loss"].value.item()) < 1e-6, found["disagreement"].value.item()
        (True, 0.0)
    """
    chosen = list(metrics)
    for name in chosen:
        if name not in FULL_PAIR_METRICS:
            known = list(FULL_PAIR_METRICS)
            raise InputError("metrics", name, f"accepted: {', '.join(known)}{nearest(name, known)}")
    chosen_pairs = all_pairs(len(networks)) if pairs is None else list(pairs)
    if not chosen_pairs:
        raise InputError("pairs", chosen_pairs, "accepted: at least one, of two networks or more")
    rows = Networks.of(networks)
    samples = samples_of(x, y, rows, split)
    all_ = Pairs(rows, chosen_pairs, samples)
    found: Figures = {}
    for name in chosen:
        found |= FULL_PAIR_METRICS[name](all_, samples)
    return found


def _path_barriers(
    pairs: Pairs, path: Path, samples: Samples, words: str, prefix: str, reestimated: bool = False
) -> Figures:
    convention = pairs.networks.convention(samples, words, reestimated=reestimated)
    found = barriers(along(pairs.networks, path, samples), convention)
    return {f"{prefix}{name}": one for name, one in found.items()}


def _few(samples: Samples) -> Samples:
    """Return at most :data:`STATISTICS_SAMPLES`, spread evenly."""
    step = -(-len(samples) // STATISTICS_SAMPLES)
    return Samples(samples.x[::step], samples.y[::step], samples.split)


def _only_known(figures: Figures, known: torch.Tensor) -> Figures:
    return {name: replace(one, converged=one.converged & known) for name, one in figures.items()}


def _without(pairs: Pairs, samples: Samples, prefix: str, reason: str) -> Figures:
    """Return a barrier that no pair has."""
    nothing = torch.full((len(pairs.pairs),), torch.nan, dtype=torch.float64)
    convention = pairs.networks.convention(samples, reason)
    never = torch.zeros(len(nothing), dtype=torch.bool)
    return {f"{prefix}barrier_loss": Measurement(nothing, nothing, never, Cost(), convention, [reason] * len(nothing))}
