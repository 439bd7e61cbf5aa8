"""Claim the trials of a study for one worker at a time, and end each of them once.

The storage numbers the trials under a lock of all workers, so that there are never more than ``n_trials``. A trial
stays in the state RUNNING until it has ended, and names its worker. One whose worker is gone is taken over: it keeps
its number and its parameters and runs again, unless its run had ended. A folder in which another run lies is left
alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna import Trial, create_study, load_study
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from homotopy_bench.config.compose import experiment_as_typed
from homotopy_bench.core.errors import InputError
from homotopy_bench.sweeps.studies.options import StudyOptions
from homotopy_bench.sweeps.studies.outcome import DIRECTIONS, RESULT, RUN, Outcome, read_outcome
from homotopy_bench.sweeps.studies.pruners import pruner
from homotopy_bench.sweeps.studies.samplers import ForTrial
from homotopy_bench.sweeps.studies.storage import Storage
from homotopy_bench.sweeps.studies.worker import Worker
from homotopy_bench.tracking.record import holds_run

ATTEMPTS = 3
"""Workers that may die with a trial before it counts as failed, as it may be what kills them; and times for which it
may be given back with one checkpoint before it begins anew, as that may be damaged."""


@dataclass(frozen=True)
class Claim:
    """Describe a trial that this worker runs: its number, the overrides of its job, and its folder in the study's."""

    number: int
    overrides: tuple[str, ...]
    subfolder: str


class Trials:
    """Give one worker access to the trials of a study in a storage.

    Args:
        storage: The storage.
        options: Options of the study.
        folder: Folder of its runs.
        epochs: Length of a trial.
        began: Whether the run in a folder was begun with overrides of the same configuration.

    Raises:
        InputError: If the storage does not answer.
    """

    def __init__(
        self,
        storage: Storage,
        options: StudyOptions,
        folder: Path,
        epochs: int,
        began: Callable[[Path, Sequence[str]], bool],
    ) -> None:
        self.storage = storage
        self.folder = folder
        self._began = began
        self.objectives = options.objectives
        directions = [DIRECTIONS[objective] for objective in options.objectives]
        # Hyperband groups trials into brackets when they are chosen.
        named: Any = {"storage": storage.optuna, "study_name": options.study, "pruner": pruner(options, epochs)}

        def begin() -> Study:
            with warnings.catch_warnings(action="ignore"):
                try:  # asking for a new one first would leave a line in the journal of one that is there
                    return load_study(**named)
                except KeyError:
                    return create_study(**named, directions=directions)

        self.study = storage.locked(begin)
        self.worker = Worker(self.study, options.lease)
        self._held: set[int] = set()
        self.unfinished: dict[int, str] = {}
        """Trials that something kept from their end here -> what; this process does not take them again."""

    def belongs_to(self, description: Mapping[str, Any]) -> None:
        """Store the description of the study, or compare with the stored one.

        Raises:
            InputError: If it is about something else.
        """

        def stored() -> Any:
            if "about" not in self.study.user_attrs:
                self.study.set_user_attr("about", dict(description))
            return self.study.user_attrs["about"]

        about = self.storage.locked(stored)
        for key, value in description.items():
            if about.get(key) != value:
                there, here = _differing(about.get(key), value)
                said = f"its {key} is another: there {there}, here {here}; accepted: another hydra.sweeper.study=NAME"
                raise InputError("hydra.sweeper.study", self.study.study_name, said)

    def all(self) -> list[FrozenTrial]:
        """Return all trials by number."""
        return self.storage.patiently(lambda: self.study.get_trials(deepcopy=False))

    def claim(self, total: int, samplers: ForTrial, parameters: Callable[[Trial], list[str]]) -> Claim | None:
        """Return a trial whose worker is gone, or a new one while there are fewer than ``total``; else None.

        ``parameters`` samples a trial and returns its overrides.
        """

        def take() -> Claim | None:
            self.worker.beat()  # it may have waited for others longer than its own lease
            trials = self.study.get_trials(deepcopy=False)
            for mine in (trial for trial in trials if self._is_mine(trial) and trial.number not in self._held):
                run = mine.user_attrs[RUN]  # it was taken, but the storage went away before it could say so
                return Claim(mine.number, tuple(run["overrides"]), run["folder"])
            for left in (trial for trial in trials if self._is_left(trial)):
                run = left.user_attrs.get(RUN)  # its worker may not have been able to tell any more how it ended
                ended = read_outcome(self.folder / run["folder"], self.objectives, run["overrides"]) if run else None
                if ended is not None:
                    self._end(left, ended)
                elif self._deaths(left) >= ATTEMPTS:
                    self._end(left, Outcome("failed", f"{ATTEMPTS} workers died with it"))
                else:
                    return self._start(left.number, left, samplers, parameters)
            if len(trials) < total:
                return self._start(len(trials), None, samplers, parameters)
            return None

        claim = self.storage.locked(take)
        if claim is not None:
            self._held.add(claim.number)
        return claim

    def settle(self, claim: Claim, outcome: Outcome) -> None:
        """Store how a trial ended, unless another worker has taken it over meanwhile."""
        self._give_up(claim, lambda trial: self._end(trial, outcome))

    def release(self, claim: Claim, why: str | None = None) -> None:
        """Give a trial back that has not ended, for the next worker.

        Args:
            claim: The trial.
            why: What kept it from its end, which would do so again in this process; None where it was not launched.
        """
        folder = self.folder / claim.subfolder

        def give_back(trial: FrozenTrial) -> None:
            run = trial.user_attrs[RUN]
            lost = why is not None and not holds_run(folder)
            left = [*run.get("left", []), _checkpoint(folder)]
            self._set(trial, RUN, {**run, "worker": None, "deaths": run["deaths"] + lost, "left": left})

        if why is not None:
            self.unfinished[claim.number] = why
        self._give_up(claim, give_back)

    def _give_up(self, claim: Claim, write: Callable[[FrozenTrial], None]) -> None:
        """Write to the storage about a trial that is still claimed, and hold it no longer."""

        def write_mine() -> None:
            trial = self.study.get_trials(deepcopy=False)[claim.number]
            if self._is_mine(trial):
                write(trial)

        self.storage.locked(write_mine)
        self._held.discard(claim.number)

    def _start(
        self, number: int, left: FrozenTrial | None, samplers: ForTrial, parameters: Callable[[Trial], list[str]]
    ) -> Claim:
        self.study.sampler = samplers(number)
        trial = self.study.ask() if left is None else Trial(self.study, left._trial_id)
        overrides = parameters(trial)
        before = {} if left is None else left.user_attrs.get(RUN, {})
        kept: dict[str, Any] = {}
        if before and self._goes_on(before, overrides):
            attempt, kept = before["attempt"], {"left": before.get("left", [])}
        else:
            attempt = before.get("attempt", 0) + 1
            while holds_run(self.folder / _subfolder(trial.number, attempt)):  # of a study that is not stored any more
                attempt += 1
        subfolder = _subfolder(trial.number, attempt)
        deaths = 0 if left is None else self._deaths(left)
        run = {"worker": self.worker.name, "attempt": attempt, "deaths": deaths, "folder": subfolder, **kept}
        trial.set_user_attr(RUN, {**run, "overrides": overrides})
        return Claim(trial.number, tuple(overrides), subfolder)

    def _goes_on(self, run: Mapping[str, Any], overrides: Sequence[str]) -> bool:
        """Return whether a trial keeps its folder: it was given back before it began, or can go on from there."""
        folder = self.folder / run["folder"]
        if run["worker"] is not None or not folder.exists():
            return run["worker"] is None
        checkpoint = _checkpoint(folder)
        stuck = run.get("left", []).count(checkpoint) >= ATTEMPTS
        return checkpoint is not None and not stuck and self._began(folder, overrides)

    def _is_mine(self, trial: FrozenTrial) -> bool:
        return trial.state == TrialState.RUNNING and trial.user_attrs.get(RUN, {}).get("worker") == self.worker.name

    def _is_left(self, trial: FrozenTrial) -> bool:
        """Return whether nobody runs a trial; of one without a name, its worker was killed while it took it."""
        if trial.state != TrialState.RUNNING or trial.number in self.unfinished:
            return False
        worker = trial.user_attrs.get(RUN, {}).get("worker")
        return worker is None or self.worker.outlived(worker)

    @staticmethod
    def _deaths(trial: FrozenTrial) -> int:
        """Return how many workers of a trial are gone; one that gave it back does not count."""
        run = trial.user_attrs.get(RUN, {})
        return int(run.get("deaths", 0)) + (run.get("worker") is not None)

    def _end(self, trial: FrozenTrial, outcome: Outcome) -> None:
        result = {"status": outcome.status, "reason": outcome.reason, "cost": outcome.cost, "path": outcome.path}
        self._set(trial, RESULT, result)
        self.study.tell(trial.number, outcome.values, state=outcome.state)

    def _set(self, trial: FrozenTrial, key: str, value: Any) -> None:
        self.storage.optuna.set_trial_user_attr(trial._trial_id, key, value)


def _subfolder(number: int, attempt: int) -> str:
    return f"{number}" if attempt == 1 else f"{number}_attempt{attempt}"


def _checkpoint(folder: Path) -> int | None:
    """Return a number by which one checkpoint of a run is told from the next; None where there is none."""
    try:
        return (folder / "checkpoint.pt").stat().st_mtime_ns
    except OSError:
        return None


def _differing(a: Any, b: Any) -> tuple[str, str]:
    """Return the first place where two descriptions differ, in both."""
    if isinstance(a, dict) and isinstance(b, dict):
        key = next(key for key in [*a, *b] if a.get(key) != b.get(key))
        return f"{key}: {a.get(key, 'fixed')}", f"{b.get(key, 'fixed')}"
    if isinstance(a, list) and isinstance(b, list):
        return _shown(one for one in a if one not in b), _shown(one for one in b if one not in a)
    return f"{a}", f"{b}"


def _shown(overrides: Iterable[str]) -> str:
    return ", ".join(map(experiment_as_typed, overrides)) or "-"
