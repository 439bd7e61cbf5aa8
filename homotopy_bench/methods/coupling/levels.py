"""List the levels of L: a falling list, or values between two ends at equal ratios or equal distances.

L(t) = L_j for j/n <= t < (j+1)/n with n levels L_0 > ... > L_{n-1} > 0. With ``continuation=levels`` t stays on every
level for ``epochs_per_level`` epochs and then becomes 1; any other open-loop schedule passes through the levels at its
own pace. At t = 1 there is no L any more: the objective is f.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.core.run_sections import RunSections
from homotopy_bench.methods.base import Method


def _as_tuple(value: object) -> object:
    """Return a list as a tuple: options are frozen, lists are not."""
    return tuple(value) if isinstance(value, list) else value


def _falling(values: tuple[float, ...]) -> tuple[float, ...]:
    if not values or any(later >= earlier for earlier, later in pairwise(values)):
        raise ValueError("accepted: a list of numbers > 0, each smaller than the one before, at least one")
    return values


Level = Annotated[float, Field(gt=0.0)]
Levels = Annotated[tuple[Level, ...], BeforeValidator(_as_tuple), AfterValidator(_falling)]
Epochs = Annotated[int, Field(ge=1)]
EpochsPerLevel = Epochs | Annotated[tuple[Epochs, ...], BeforeValidator(_as_tuple)]

MOST_LEVELS = 10_000
"""Most levels that are computed from their ends."""

PUBLISHED = (0.01, 0.009, 0.008, 0.007, 0.006, 0.005)
"""The levels of the authors' code (github.com/Bill-research/homotopy, README.md), 4 epochs each."""


class LevelledMethod(Method):
    """Lower the weight L of a method level by level; see the module.

    ``L`` lists the levels (``spacing=list``), or its first and last entry are the ends of ``levels`` values at equal
    ratios (``geometric``) or equal distances (``linear``); ``levels`` is by default the length of the list.
    ``epochs_per_level`` is one number of epochs for all levels, or a list with one for each.
    """

    L: Annotated[Levels, PER_MEMBER] = PUBLISHED
    spacing: Annotated[Literal["list", "geometric", "linear"], PER_MEMBER] = "list"
    levels: Annotated[Annotated[int, Field(ge=1, le=MOST_LEVELS)] | None, PER_MEMBER] = None
    epochs_per_level: Annotated[EpochsPerLevel, PER_MEMBER] = 4

    @model_validator(mode="after")
    def _one_number_of_levels(self) -> LevelledMethod:
        if self.spacing == "list" and self.levels not in (None, len(self.L)):
            raise ValueError(f"levels={self.levels} needs spacing=geometric or linear: L lists {len(self.L)} levels")
        if self.spacing != "list" and self.levels == 1 and len(self.L) > 1:
            raise ValueError(f"levels=1 has no room for the first and the last of the {len(self.L)} entries of L")
        _falling(self.values())
        epochs = self.epochs_per_level
        if not isinstance(epochs, int) and len(epochs) != len(self.values()):
            raise ValueError(f"epochs_per_level has {len(epochs)} entries for {len(self.values())} levels of L")
        return self

    @property
    def path_shape(self) -> None:
        """Nothing: there are no coefficients."""
        return

    @property
    def has_own_terms(self) -> bool:
        """Whether a step does more than minimise the loss: it does, with a weight L."""
        return True

    @property
    def epochs_after_levels(self) -> int:
        """Epochs there must be after the last level: what counts is a network trained on f alone."""
        return 1

    def values(self) -> tuple[float, ...]:
        """Return the levels L_0 > ... > L_{n-1}.

        Example:
            >>> LevelledMethod(name="x", L=[1.0, 0.25], spacing="geometric", levels=3).values()
            (1.0, 0.5, 0.25)
            >>> LevelledMethod(name="x", L=[1.0, 0.25], spacing="linear", levels=4).values()
            (1.0, 0.75, 0.5, 0.25)
        """
        if self.spacing == "list":
            return self.L
        first, last = self.L[0], self.L[-1]
        steps = (self.levels or len(self.L)) - 1
        shares = [j / steps for j in range(steps + 1)] if steps else [0.0]
        if self.spacing == "geometric":
            return tuple(first * (last / first) ** share for share in shares)
        return tuple(first + (last - first) * share for share in shares)

    def level(self, t: float) -> float:
        """Return L(t) for t in [0, 1).

        Example:
            >>> method = LevelledMethod(name="x", L=[0.3, 0.2, 0.1])
            >>> [method.level(t) for t in (0.0, 0.33, 1 / 3, 2 / 3, 0.99)]
            [0.3, 0.3, 0.2, 0.1, 0.1]
        """
        values = self.values()
        # t = j/n, at which a level begins, times n can fall a rounding error short of j.
        return values[min(int(t * len(values) + 1e-9), len(values) - 1)]

    def level_epochs(self) -> tuple[int, ...]:
        """Return the epochs of each level."""
        epochs = self.epochs_per_level
        return (epochs,) * len(self.values()) if isinstance(epochs, int) else epochs

    def check(self, run: RunSections) -> None:
        """Check that the levels fit into the training.

        Raises:
            InputError: If they have more epochs than it.
        """
        epochs, total = run.training.epochs, sum(self.level_epochs()) + self.epochs_after_levels
        if run.continuation.name == "levels" and epochs < total:
            accepted = f"an integer >= {total}, the epochs of the {len(self.values())} levels of L"
            last = " and one on f alone" if self.epochs_after_levels else ""
            raise InputError("training.epochs", epochs, f"accepted: {accepted}{last} (method.epochs_per_level)")
