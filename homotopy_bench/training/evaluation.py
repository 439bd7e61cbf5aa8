"""Score an ensemble after a step, each split when it is first asked for."""

from __future__ import annotations

from functools import cached_property

from homotopy_bench.training.objectives.base import Score, mean_score
from homotopy_bench.training.training import Training


class Evaluation:
    """Compute the members' scores at their current t (``path``) and at t = 1 (``target``).

    Where every member stands at t = 1 the two are one, and are computed once.

    Args:
        training: The ensemble; it must not move on while this evaluation is in use.
    """

    def __init__(self, training: Training) -> None:
        self._training = training
        self.t = training.last_t()

    @cached_property
    def validation_copies(self) -> list[list[Score]]:
        """For each of the M members the scores of its rows on the validation split at the current t."""
        return self._training.evaluate_copies("validation")

    @cached_property
    def validation_path(self) -> list[Score]:
        """M scores on the validation split at the current t; of copies their mean."""
        return [mean_score(copies) for copies in self.validation_copies]

    @cached_property
    def validation_target(self) -> list[Score]:
        """M scores on the validation split at t = 1."""
        return self._training.evaluate_target("validation") if self._on_path else self.validation_path

    @cached_property
    def test_path(self) -> list[Score]:
        """M scores on the test split at the current t."""
        return [mean_score(copies) for copies in self._training.evaluate_copies("test")]

    @cached_property
    def test_target(self) -> list[Score]:
        """M scores on the test split at t = 1."""
        return self._training.evaluate_target("test") if self._on_path else self.test_path

    def of_copies(self, member: int) -> dict[str, list[float]]:
        """Return the record's entry on a member's copies one by one; none where there is one network."""
        accuracies = [score.accuracy for score in self.validation_copies[member]]
        return {"val_acc_copies": accuracies} if len(accuracies) > 1 else {}

    @property
    def _on_path(self) -> bool:
        return any(t != 1.0 for t in self.t)
