"""The search for a contender's setting: two rounds on validation accuracy at t = 1, the same budget for everyone.

Round one trains every setting with one seed; round two trains the best of them with more seeds. The setting with the
best mean over all its seeds is chosen. Tuning seeds begin at 1000; reports use 0, 1, 2, ... Nothing is pruned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from reproductions.ledger import Training
from reproductions.space import Axis, settings

FIRST_SEED = 1000


@dataclass(frozen=True)
class Contender:
    """One row of a study's table: a name, the overrides that make it, and what of it is searched, if anything."""

    name: str
    overrides: tuple[str, ...]
    space: tuple[Axis, ...]


@dataclass(frozen=True)
class Budget:
    """What every contender may spend: settings in round one, how many go on, seeds they get in round two."""

    settings: int
    finalists: int
    seeds: int

    def trainings(self) -> int:
        """Return the number of trainings in all."""
        return self.settings + self.finalists * self.seeds


@dataclass(frozen=True)
class Trial:
    """One setting: the whole configuration but the seed, and validation accuracies at t = 1 by seed, as fractions."""

    overrides: str
    accuracies: dict[int, float]

    def mean(self) -> float:
        """Return the mean accuracy over the seeds, of which there must be one."""
        return fmean(self.accuracies.values())


def search(
    contender: Contender, budget: Budget, trained: Callable[[Sequence[tuple[str, int]]], Sequence[Training]]
) -> list[Trial]:
    """Return the trials of a contender, best first; those with more seeds come before the others.

    Args:
        contender: Who searches.
        budget: What it may spend.
        trained: Returns the trainings of configurations and seeds.

    Returns:
        The trials; the first is the chosen one. Where nothing is searched it is the only one, and nothing was trained.
    """
    if not contender.space:
        return [Trial(" ".join(contender.overrides), {})]
    candidates = [" ".join((*contender.overrides, *one)) for one in settings(contender.space, budget.settings)]
    first = trained([(overrides, FIRST_SEED) for overrides in candidates])
    trials = [Trial(one.overrides, {FIRST_SEED: one.val_acc}) for one in first]
    trials.sort(key=Trial.mean, reverse=True)
    finalists, others = trials[: budget.finalists], trials[budget.finalists :]
    members = [(one, FIRST_SEED + 1 + index) for one in finalists for index in range(budget.seeds)]
    again = trained([(one.overrides, seed) for one, seed in members])
    for (trial, seed), training in zip(members, again, strict=True):
        trial.accuracies[seed] = training.val_acc
    return sorted(finalists, key=Trial.mean, reverse=True) + others
