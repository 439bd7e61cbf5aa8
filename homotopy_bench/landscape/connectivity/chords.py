"""Lead from one network to another: the straight chord, and networks made of its points.

A chord knows n pairs of ends and gives the points at any positions of any pairs; what measures along it knows nothing
of matched units, repaired activations or new statistics.
"""

from __future__ import annotations

from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from homotopy_bench.landscape.combined import Combined, Term
from homotopy_bench.landscape.connectivity.batch_statistics import reestimated
from homotopy_bench.landscape.connectivity.dense_repair import repaired_combinations
from homotopy_bench.landscape.connectivity.repair import repaired, rows_of, unit_statistics
from homotopy_bench.landscape.networks import Networks, Points, Samples


class Path(Protocol):
    """Describe n paths between pairs of networks."""

    @property
    def pairs(self) -> int:
        """Number n of pairs."""

    def at(self, pair: Int[Tensor, " K"], a: Float[Tensor, " K"]) -> Points | Combined:
        """Return K points: position a in [0, 1] of the path of a pair, 0 and 1 being its ends."""


class Chord:
    """Go straight, (1 - a) w_0 + a w_1; running statistics and coefficients go straight too.

    Args:
        first: Points of which each pair has one as its end w_0.
        second: Points of which each pair has one as its end w_1.
        pairs: Rows of the two for each pair, (n, 2); None where pair k has row k of both. What many pairs share is
            computed once if it is one row.

    Example:
        >>> ends = [Points(torch.tensor([[value, 0.0]]), {}) for value in (1.0, 3.0)]
        >>> Chord(*ends).at(torch.tensor([0, 0]), torch.tensor([0.0, 0.25])).theta.tolist()
        [[1.0, 0.0], [1.5, 0.0]]
    """

    def __init__(self, first: Points, second: Points, pairs: Int[Tensor, "n 2"] | None = None) -> None:
        rows = torch.arange(len(first))[:, None].expand(-1, 2) if pairs is None else pairs
        self.ends, self.rows = (first, second), rows.unbind(dim=1)

    @property
    def pairs(self) -> int:
        """Number n of pairs."""
        return len(self.rows[0])

    @property
    def first(self) -> Points:
        """The ends w_0 of all pairs, a copy."""
        return self.end(0)

    @property
    def second(self) -> Points:
        """The ends w_1 of all pairs, a copy."""
        return self.end(1)

    def end(self, which: int, pair: slice | Int[Tensor, " K"] = slice(None)) -> Points:
        """Return the end 0 or 1 of some pairs, a copy."""
        return self.ends[which].rows(self.rows[which][pair])

    def terms(self, pair: Int[Tensor, " K"], shares: tuple[Tensor, Tensor]) -> tuple[Term, Term]:
        """Return the ends of some pairs with a share (K,) of each."""
        one, other = (
            Term(end.theta, rows[pair], share.double().cpu())
            for end, rows, share in zip(self.ends, self.rows, shares, strict=True)
        )
        return one, other

    def buffers(self, pair: Int[Tensor, " K"], a: Float[Tensor, " K"]) -> dict[str, Tensor]:
        """Return the buffers of K points; those that are no floating-point numbers are those of the first end."""
        rows = [own[pair] for own in self.rows]
        first, second = (end.buffers for end in self.ends)
        return {
            name: _between(values[rows[0]], second[name][rows[1]], a) if values.is_floating_point() else values[rows[0]]
            for name, values in first.items()
        }

    def at(self, pair: Int[Tensor, " K"], a: Float[Tensor, " K"]) -> Combined:
        """Return K points of chords, exact at both ends, which w_0 + a (w_1 - w_0) is not."""
        return Combined(self.terms(pair, (1.0 - a, a)), self.buffers(pair, a))


class ReestimatedChord:
    """Go along a chord, and estimate the statistics of BatchNorm anew at every point.

    Args:
        chord: The chord.
        networks: Networks of the architecture.
        samples: Where the statistics are taken.
    """

    def __init__(self, chord: Chord, networks: Networks, samples: Samples) -> None:
        self._chord, self._networks, self._samples = chord, networks, samples

    @property
    def pairs(self) -> int:
        """Number n of pairs."""
        return self._chord.pairs

    def at(self, pair: Int[Tensor, " K"], a: Float[Tensor, " K"]) -> Points:
        """Return K points with statistics of their own."""
        return reestimated(self._networks, self._chord.at(pair, a), self._samples)


class RepairedChord:
    """Go along a chord, and give all hidden units the statistics that lie between those of the ends.

    Args:
        chord: The chord.
        networks: Networks of the architecture.
        samples: Where the statistics are taken.
    """

    def __init__(self, chord: Chord, networks: Networks, samples: Samples) -> None:
        self._chord, self._networks, self._samples = chord, networks, samples
        self._first = networks.first_layer(samples)
        self._statistics = tuple(unit_statistics(networks, ends, samples) for ends in chord.ends)

    @property
    def pairs(self) -> int:
        """Number n of pairs."""
        return self._chord.pairs

    def at(self, pair: Int[Tensor, " K"], a: Float[Tensor, " K"]) -> Points:
        """Return K repaired points.

        Raises:
            NotRepairable: If a hidden map has no bias.
        """
        points = self._chord.at(pair, a)
        first, second = (rows_of(own, rows[pair]) for own, rows in zip(self._statistics, self._chord.rows, strict=True))
        if self._first is None:
            return repaired(self._networks, points, self._samples, (first, second), a)
        return repaired_combinations(self._networks, self._first, points, (first, second), a)


def _between(one: Tensor, other: Tensor, a: Tensor) -> Tensor:
    share = a.to(one).view(-1, *[1] * (one.dim() - 1))
    return (1.0 - share) * one + share * other


def all_pairs(networks: int) -> list[tuple[int, int]]:
    """Return all pairs i < j.

    Example:
        >>> all_pairs(3)
        [(0, 1), (0, 2), (1, 2)]
    """
    return [(i, j) for i in range(networks) for j in range(i + 1, networks)]


def chord_of(networks: Networks, pairs: list[tuple[int, int]]) -> Chord:
    """Return the chords between pairs of networks as they are."""
    points = networks.points()
    return Chord(points, points, torch.tensor(pairs, dtype=torch.int64).view(-1, 2))
