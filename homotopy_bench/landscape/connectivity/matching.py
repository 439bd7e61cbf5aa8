"""Match the units of two networks by their weights (Ainsworth et al. 2023, arXiv:2209.04836, algorithm 1).

The permutations pi maximise sum <w_a, pi(w_b)> over all parameters, group by group: with the other groups fixed, that
is a linear assignment. Where units also have signs, the better sign of every pair counts. Groups along a residual
connection have their permutation on both axes of a map, <A, P B P^T>: a quadratic assignment, for which
scipy.optimize.quadratic_assignment takes one pair of matrices; here is the same method (FAQ: Vogelstein et al. 2015,
doi:10.1371/journal.pone.0121002) for a sum over layers and a linear term.

Coordinate descent ends in a local maximum. It starts from the identity, from a sweep from input to output that looks at
matched groups alone, from one back, and in random orders; the best is kept, beside what random permutations reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from homotopy_bench.landscape.connectivity.symmetries import Axis, Group
from homotopy_bench.landscape.connectivity.units import Change, Tensors, by_unit, changed

SWEEPS = 100
"""Most sweeps of one descent."""

FAQ_STEPS = 30
"""Most steps of Frank and Wolfe's method."""

LEAST_GAIN = 1e-9
"""Relative gain of the objective below which a sweep has changed nothing."""


@dataclass(frozen=True)
class Matching:
    """Hold how the units of b are changed so that they lie beside those of a.

    Attributes:
        changes: One for each group.
        objective: sum <w_a, pi(w_b)> over the parameters.
        identity: The same where nothing is permuted.
        random: Objectives of random permutations.
        converged: Whether the descent that found it ended by itself.
        possible: Whether there is anything to permute, or a sign to flip.
    """

    changes: tuple[Change, ...]
    objective: float
    identity: float
    random: tuple[float, ...]
    converged: bool
    possible: bool

    @property
    def known(self) -> bool:
        """Whether it can be relied on: converged, and better than every random permutation, where there are others."""
        return self.converged and (self.objective > max(self.random, default=-np.inf) or not self.possible)


def match(
    a: Tensors, b: Tensors, parameters: Sequence[str], groups: Sequence[Group], *, restarts: int = 3, seed: int = 0
) -> Matching:
    """Return the matching of network b to network a.

    Args:
        a: Parameters and buffers of a by name.
        b: Those of b.
        parameters: Names of the parameters, over which the objective sums.
        groups: The groups of units of the architecture.
        restarts: Descents in random orders, besides those from the identity, from the input and from the output.
        seed: Seed of the orders and of the random permutations.

    Example:
        >>> from torch import nn
        >>> from homotopy_bench.landscape.connectivity.symmetries import groups_of
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
        >>> a = {"0.weight": torch.tensor([[1.0, 0.0], [0.0, 2.0]]), "2.weight": torch.tensor([[3.0, 4.0]])}
        >>> b = {"0.weight": a["0.weight"].flip(0), "2.weight": a["2.weight"].flip(1)}
        >>> match(a, b, list(a), groups_of(network)).changes[0].order.tolist()
        [1, 0]
    """
    generator = np.random.default_rng(seed)
    own = [{name: tensors[name].detach().double().cpu() for name in parameters} for tensors in (a, b)]
    problem = _Problem(own[0], own[1], groups)
    identity = [Change.none(group.size) for group in groups]
    starts = [identity, problem.swept(forward=True), problem.swept(forward=False)]
    starts += [problem.random(generator) for _ in range(restarts - 1)]
    found = [problem.descend(start, generator) for start in starts]
    changes, objective, converged = max(found, key=lambda one: one[1])
    random = tuple(problem.objective(problem.random(generator)) for _ in range(20))
    possible = any(group.size > 1 or group.odd for group in groups)
    return Matching(tuple(changes), objective, problem.objective(identity), random, converged, possible)


class _Problem:
    """Hold the two networks and the groups, in float64 on the host."""

    def __init__(self, a: Tensors, b: Tensors, groups: Sequence[Group]) -> None:
        self.a, self.b, self.groups = a, b, list(groups)
        self.axes: list[dict[str, list[Axis]]] = []
        for group in self.groups:
            own: dict[str, list[Axis]] = {}
            for axis in (*group.made_by, *group.read_by):
                if axis.tensor in a:
                    own.setdefault(axis.tensor, []).append(axis)
            self.axes.append(own)
        self.beside: dict[str, list[tuple[int, Axis, bool]]] = {}
        """Tensor -> the groups on its axes, with whether it reads them."""
        for number, group in enumerate(self.groups):
            for reads, axes in ((False, group.made_by), (True, group.read_by)):
                for axis in axes:
                    self.beside.setdefault(axis.tensor, []).append((number, axis, reads))

    def objective(self, changes: Sequence[Change]) -> float:
        moved = changed(self.b, self._present(), changes)
        return float(sum((self.a[name] * moved[name]).sum() for name in self.a))

    def random(self, generator: np.random.Generator) -> list[Change]:
        found = []
        for group in self.groups:
            order = torch.from_numpy(generator.permutation(group.size))
            signs = generator.choice([-1.0, 1.0], group.size) if group.odd else np.ones(group.size)
            found.append(Change(order, torch.from_numpy(signs)))
        return found

    def swept(self, *, forward: bool) -> list[Change]:
        """Return changes from one sweep, which of each group sees only the tensors whose other groups are matched."""
        changes = [Change.none(group.size) for group in self.groups]
        order = range(len(self.groups)) if forward else reversed(range(len(self.groups)))
        matched: set[int] = set()
        for number in order:
            changes[number] = self.best(number, changes, matched)
            matched.add(number)
        return changes

    def descend(self, start: Sequence[Change], generator: np.random.Generator) -> tuple[list[Change], float, bool]:
        """Return changes, their objective, and whether no sweep improves them."""
        changes, everything = list(start), set(range(len(self.groups)))
        value = self.objective(changes)
        for _ in range(SWEEPS):
            for number in generator.permutation(len(self.groups)):
                changes[number] = self.best(int(number), changes, everything)
            now = self.objective(changes)
            if now - value <= LEAST_GAIN * abs(value):
                return changes, now, True
            value = now
        return changes, value, False

    def best(self, number: int, changes: Sequence[Change], known: set[int]) -> Change:
        """Return the change of one group that is best beside those of the known others."""
        group = self.groups[number]
        fixed = torch.zeros(group.size, group.size, dtype=torch.float64)  # what a sign does not change
        signed = torch.zeros_like(fixed)
        pairs: list[tuple[Tensor, Tensor]] = []
        for name, axes in self.axes[number].items():
            others = [one for one in self.beside[name] if one[0] != number]
            if any(other not in known for other, _, _ in others):
                continue
            b = self.b[name]
            for other, axis, reads in others:
                b = _one_axis(b, self.groups[other], axis, changes[other], reads)
            if len(axes) == 2:
                pairs.append((self.a[name], b))
                continue
            (axis,) = axes
            rows = [self._units(tensor, axis, group.size) for tensor in (self.a[name], b)]
            similarity = rows[0] @ rows[1].T
            if group.odd and (axis.scaled or axis.dim == 1):
                signed += similarity
            else:
                fixed += similarity
        if not pairs:
            return _assign(fixed, signed)
        return _faq(pairs, fixed, signed, odd=group.odd, start=changes[number])

    def _present(self) -> list[Group]:
        """Return the groups without the axes of tensors that are no parameters."""
        return [
            Group(
                group.size,
                tuple(axis for axis in group.made_by if axis.tensor in self.a),
                tuple(axis for axis in group.read_by if axis.tensor in self.a),
                group.homogeneous,
                group.odd,
                group.tied,
            )
            for group in self.groups
        ]

    @staticmethod
    def _units(tensor: Tensor, axis: Axis, size: int) -> Tensor:
        return by_unit(tensor, axis, size).movedim(axis.dim, 0).reshape(size, -1)


def _one_axis(tensor: Tensor, group: Group, axis: Axis, change: Change, reads: bool) -> Tensor:
    lone = Group(group.size, () if reads else (axis,), (axis,) if reads else (), False, False, False)
    return changed({axis.tensor: tensor}, [lone], [change])[axis.tensor]


def _assign(fixed: Tensor, signed: Tensor) -> Change:
    """Return the order, with signs, that maximises the sum of fixed + |signed| over the pairs."""
    rows, columns = linear_sum_assignment((fixed + signed.abs()).numpy(), maximize=True)
    order = torch.from_numpy(columns)
    signs = torch.where(signed[torch.from_numpy(rows), order] < 0.0, -1.0, 1.0).double()
    return Change(order, signs)


def _faq(pairs: Sequence[tuple[Tensor, Tensor]], fixed: Tensor, signed: Tensor, *, odd: bool, start: Change) -> Change:
    """Return the (signed) permutation P that maximises sum <A, P B P^T> + <C, P>, from several starts."""
    linear = fixed + signed
    size = len(linear)
    starts = [_matrix(start), _matrix(_extreme(linear, odd)), torch.eye(size, dtype=torch.float64)]
    starts.append(torch.zeros_like(linear) if odd else torch.full_like(linear, 1.0 / size))
    best, value = starts[0], -np.inf
    for begin in starts:
        p = begin
        for _ in range(FAQ_STEPS):
            gradient = _slope(pairs, linear, p)
            step = _matrix(_extreme(gradient, odd)) - p
            quadratic = sum(float((a * (step @ b @ step.T)).sum()) for a, b in pairs)
            slope = float((gradient * step).sum())
            if slope <= 1e-12 * abs(float((gradient * p).sum())) + 1e-300:
                break
            length = 1.0 if quadratic >= 0.0 else min(1.0, -slope / (2.0 * quadratic))
            p = p + length * step
        p = _matrix(_extreme(p, odd))
        for _ in range(FAQ_STEPS):  # from vertex to vertex, while that helps
            following = _matrix(_extreme(_slope(pairs, linear, p), odd))
            if _value(pairs, linear, following) <= _value(pairs, linear, p) + 1e-12:
                break
            p = following
        if (found := _value(pairs, linear, p)) > value:
            best, value = p, found
    order = best.abs().argmax(dim=1)
    return Change(order, best[torch.arange(size), order])


def _extreme(slope: Tensor, odd: bool) -> Change:
    zero = torch.zeros_like(slope)
    return _assign(zero, slope) if odd else _assign(slope, zero)


def _matrix(change: Change) -> Tensor:
    """Return P with P[i, order[i]] = scale[i]."""
    size = len(change.order)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    matrix[torch.arange(size), change.order] = change.scale
    return matrix


def _slope(pairs: Sequence[tuple[Tensor, Tensor]], linear: Tensor, p: Tensor) -> Tensor:
    found = linear.clone()
    for a, b in pairs:
        found += a @ p @ b.T + a.T @ p @ b
    return found


def _value(pairs: Sequence[tuple[Tensor, Tensor]], linear: Tensor, p: Tensor) -> float:
    return float((linear * p).sum()) + sum(float((a * (p @ b @ p.T)).sum()) for a, b in pairs)
