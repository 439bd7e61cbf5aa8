"""Find from where on a training is stable: continue each snapshot several times, and look for barriers between ends.

Children of one snapshot share everything up to it, and differ in the order of the data after it. Training is stable
from the first snapshot on from which no pair of children, of it or of any later one, is apart: by the published
criterion (Frankle et al. 2020, arXiv:1912.05671, section 2) the error between them is at most less than 2 percentage
points above the mean of their own. A child that diverges is apart from all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from homotopy_bench.analysis.finished import FinishedRun, LeftOut, finished_runs
from homotopy_bench.analysis.pairs import PairFigure, PairPlan, chosen_pairs, survey_pairs
from homotopy_bench.analysis.survey import Say
from homotopy_bench.core.errors import InputError
from homotopy_bench.runs.forks import begin_child
from homotopy_bench.runs.fusing import Fusing
from homotopy_bench.runs.many import train_members
from homotopy_bench.runs.member import Member
from homotopy_bench.runs.snapshots import kept_snapshots
from homotopy_bench.tracking.checkpoint_file import read_checkpoint
from homotopy_bench.tracking.display import Display, Silent
from homotopy_bench.tracking.record import SNAPSHOTS
from homotopy_bench.tracking.resumable import FINAL, read_run

STABLE = 0.02
"""Rise of the error between two children, over the mean of their own, from which on they are apart."""


@dataclass(frozen=True)
class Fork:
    """Hold what became of one snapshot.

    Attributes:
        snapshot: Its name.
        step: Steps done at it.
        t: Path parameter there.
        orders: How many children continued it.
        diverged: How many of them diverged.
        children: Those that trained to their ends.
        figures: What was measured between them.
    """

    snapshot: str
    step: int
    t: float
    orders: int
    diverged: int
    children: tuple[FinishedRun, ...]
    figures: tuple[PairFigure, ...]

    def largest(self, name: str, split: str) -> float | None:
        """Return the largest value of a figure over the pairs of children; None where a pair has none."""
        values = self._values(name, split)
        return None if None in values else max((value for value in values if value is not None), default=None)

    def _values(self, name: str, split: str) -> list[float | None]:
        return [one.entry["value"] for one in self.figures if (one.name, one.split) == (name, split)]

    def apart(self, split: str) -> bool | None:
        """Return whether two children are apart on a split; None where too few are measured to tell."""
        found = self._values("barrier_error_frankle", split)
        if self.diverged or any(rise is not None and rise >= STABLE for rise in found):
            return True
        return None if not found or None in found or len(self.children) < self.orders else False


def study_forks(
    run: Path,
    orders: int,
    plan: PairPlan,
    say: Say = lambda _: None,
    show: Callable[[int], Display] = lambda _: Silent(),
) -> tuple[list[Fork], list[LeftOut]]:
    """Return the forks of a run by step, and the children that cannot be measured; children are trained where missing.

    Args:
        run: The run's folder, with snapshots.
        orders: Children of each snapshot, at least 2.
        plan: What is measured between them.
        say: Takes a line on what is being done.
        show: Returns the display of a group of children, given its size.

    Raises:
        InputError: If the run cannot be read, has no snapshots, or one of them is damaged.
        KeyboardInterrupt: If the training was interrupted; the same call goes on.
    """
    try:
        config, overrides, _ = read_run(run)
    except InputError as error:
        raise InputError("--fork", error.value, error.accepted) from error
    snapshots = kept_snapshots(run / SNAPSHOTS)
    if not snapshots:
        accepted = "has no snapshots; accepted: a run with training.snapshots=[...], such as [0,5,0.5]"
        raise InputError("--fork", run, accepted)
    seeds = list(islice((seed for seed in count(1) if seed != config.order_seed), orders))
    jobs = {file: [begin_child(config, overrides, file, seed) for seed in seeds] for file in snapshots}
    waiting = [Member.continued(job) for own in jobs.values() for job in own if read_run(job.folder)[2] not in FINAL]
    if waiting and not train_members(waiting, Fusing(), show, say):
        raise KeyboardInterrupt
    found, left_out = finished_runs([job.folder for own in jobs.values() for job in own])
    by_folder = {child.folder: child for child in found}
    forks: list[Fork] = []
    for file, own in jobs.items():
        children = [by_folder[job.folder] for job in own if job.folder in by_folder]
        figures = survey_pairs(chosen_pairs(children, "all"), plan, say)
        member = read_checkpoint(file)["member"]
        diverged = sum(read_run(job.folder)[2] == "diverged" for job in own)
        forks.append(
            Fork(file.stem, member["step"], member["last_t"], len(own), diverged, tuple(children), tuple(figures))
        )
    return sorted(forks, key=lambda fork: fork.step), left_out


def stable_from(forks: Sequence[Fork], split: str) -> tuple[Fork | None, Fork | None]:
    """Return the first fork from which on no children are apart on a split, and the one before it.

    Args:
        forks: The forks by step.
        split: ``train`` or ``test``.

    Returns:
        The fork, None where children of the last one are apart, or unknown; and the last fork whose children are, None
        where there is none.
    """
    found: Fork | None = None
    for fork in reversed(forks):
        if fork.apart(split) is not False:
            return found, fork
        found = fork
    return found, None
