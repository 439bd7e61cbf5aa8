"""Define what a method may do: deform the target network, say what t does to it, and add to the objective.

A method is one part of a composition: the continuation says when t moves, the learning-rate schedule and the
optimiser how the parameters do. A deformation must be the target network, exactly, at t = 1.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from homotopy_bench.core.options import Options
from homotopy_bench.core.run_sections import RunSections

if TYPE_CHECKING:
    import torch

    from homotopy_bench.ensemble.ensemble import Ensemble
    from homotopy_bench.ensemble.rows import Rows
    from homotopy_bench.methods.regularizer import Regularizer


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
    build: Callable[[int, int], torch.nn.Module]


class Method(Options):
    """Options of a method; by default it deforms nothing, and its network is the target network at every t."""

    deforms: ClassVar[bool] = True
    """Whether t changes anything; a method that deforms nothing goes with ``continuation=constant`` only."""

    name: str

    @property
    def copies(self) -> int:
        """Number of copies of the network, a row of theta each, that a member trains on its path."""
        return 1

    @property
    def batch_per_copy(self) -> bool:
        """Whether every copy has batches of its own."""
        return False

    @property
    def has_own_terms(self) -> bool:
        """Whether a step does more than minimise the loss at t: see :meth:`regularizer`."""
        return False

    @property
    def has_own_parameters(self) -> bool:
        """Whether the deformed network has trained parameters that the target network does not have."""
        return False

    @property
    def path_shape(self) -> Hashable:
        """Numbers of a member on which its coefficients depend: they are computed once for members that agree."""
        return tuple(getattr(self, name) for name in sorted(self.per_member()))

    @property
    def layerwise(self) -> bool:
        """Whether every deformed layer has coefficients of its own; all members of an ensemble have if one has."""
        return False

    def level_epochs(self) -> tuple[int, ...]:
        """Return the epochs of each level of ``continuation=levels``; empty for a method without levels."""
        return ()

    def check(self, run: RunSections) -> None:
        """Raise :class:`~homotopy_bench.core.errors.InputError` where this method does not go with a run."""

    def regularizer(self, initial: InitialState) -> Regularizer | None:  # noqa: ARG002 - for methods with an addition
        """Return what the method adds to the objective of rows on the path; None for nothing.

        A method that adds something says so in :attr:`has_own_terms`, before there are networks.
        """
        return None

    def deform(self, network: torch.nn.Module) -> None:
        """Deform in place a target network just built, for one member; its parameters keep their names and order."""

    def coefficients(
        self,
        t: torch.Tensor,  # noqa: ARG002 - for methods that deform
        network: torch.nn.Module,  # noqa: ARG002
    ) -> dict[str, torch.Tensor]:
        """Return the values (M,) of the buffers of a deformed network, by name, at the members' t (M,) in [0, 1]."""
        return {}
