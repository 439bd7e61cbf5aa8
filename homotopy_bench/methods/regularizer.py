"""Define what a method adds to the objective of members on their path.

An addition enters a training step before the update, as a gradient, and after it, as a correction of the parameters. At
t = 1 the objective is the target's and nothing is added.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows

if TYPE_CHECKING:
    from homotopy_bench.methods.base import Method


@dataclass(frozen=True)
class InitialState:
    """Members before their first step, from which a method builds its regularizer.

    Attributes:
        methods: The M members' own methods, which differ in their numbers alone; those of members that stay at the
            target throughout can be others.
        ensemble: The rows with their initial values, which a regularizer may change.
        rows: Which rows belong to which member.
        seeds: The members' seeds.
        build: Builds the network of a member with the initial values of a seed.
    """

    methods: Sequence[Method]
    ensemble: Ensemble
    rows: Rows
    seeds: Sequence[int]
    build: Callable[[int, int], nn.Module]


class Regularizer(ABC):
    """An addition to the objective."""

    @abstractmethod
    def add_gradient(self, ensemble: Ensemble, rows: Rows, t: Sequence[float]) -> None:
        """Add the gradients of the addition at the members' t to those of the batch losses, which the ensemble has."""

    @abstractmethod
    def after_step(self, ensemble: Ensemble, rows: Rows, t: Sequence[float], lr: Sequence[float]) -> None:
        """Correct the parameters that the optimiser has moved.

        ``lr`` has the members' learning rates, times the gain of their optimiser: a step must weigh the addition as
        much as the loss, whose gradient momentum lets pass 1/(1 - momentum) times.
        """

    @abstractmethod
    def diagnostics(self, member: int, theta: Tensor, t: float) -> dict[str, Any]:
        """Return what the record says of a member on its path at t, with its m rows theta (m, P)."""
