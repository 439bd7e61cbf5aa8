"""A study from contenders to outcomes: search, then reporting runs, on as many processes as asked for.

What is in the ledger is not done again, so that a study that was stopped goes on with the same command, on another
machine too. It loses at most the parts at work, and of these only what came after their last checkpoints.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from reproductions.ledger import NONE, Ledger, Purpose, Training
from reproductions.search import Budget, Contender, Trial, search

PART = 12
"""Trainings of one program, unless asked otherwise: minutes."""

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Train = Callable[[Mapping[Path, Sequence[str]]], Mapping[Path, dict[str, Any]]]
"""From folder -> overrides to folder -> summary of the runs that ended as they should."""


Figures = Callable[[Path, Mapping[str, Any]], Mapping[str, float]]
"""From the record of a reporting run and its summary to what the ledger keeps besides."""


@dataclass(frozen=True)
class Outcome:
    """What a contender's search chose, and its reporting runs by seed."""

    contender: Contender
    trials: list[Trial]
    reports: list[Training]


@dataclass(frozen=True)
class Study:
    """Describe a study.

    Attributes:
        title: Heading of its page.
        contenders: Target network -> the ways it is trained.
        budget: What every search may spend.
        seeds: Reporting runs of each row.
        draw: Returns the picture of its page; None for no picture.
        reference: Row that all others are compared with; None for the baseline of each group that validation prefers.
    """

    title: str
    contenders: Mapping[str, tuple[Contender, ...]]
    budget: Budget
    seeds: int
    draw: Callable[[Sequence[Outcome]], Figure] | None = None
    reference: str | None = None


@dataclass(frozen=True)
class Trainings:
    """Give the trainings of a study: from its ledger, or by training them.

    Attributes:
        ledger: What is kept.
        folder: Where records are written; those of a search are deleted once they are in the ledger.
        train: How runs are trained.
        figures: What is kept of reporting runs besides.
        part: Trainings of one program; what an interruption costs at most, and 1 where seconds or memory matter.
        stopped: Set when a row has failed, so that the others begin no further part.
    """

    ledger: Ledger
    folder: Path
    train: Train
    figures: Figures = lambda _, __: NONE
    part: int = PART
    stopped: Event = field(default_factory=Event)

    def of(self, row: str, purpose: Purpose, asked: Sequence[tuple[str, int]]) -> list[Training]:
        """Return the trainings of a row.

        Args:
            row: Name of the contender.
            purpose: What for.
            asked: Overrides and seed of each.

        Returns:
            The trainings, in order.

        Raises:
            SystemExit: If one failed, whose reason has been printed, or was not begun because another row had failed.
        """
        missing = [one for one in asked if self.ledger.find(row, purpose, one[1], one[0]) is None]
        alone = len({overrides for overrides, _ in asked}) == 1
        for start in range(0, len(missing), self.part):
            if self.stopped.is_set():
                break
            self._do(row, purpose, missing[start : start + self.part], alone)
        found = [self.ledger.find(row, purpose, seed, overrides) for overrides, seed in asked]
        done = [one for one in found if one is not None]
        if len(done) < len(asked):
            self.stopped.set()
            raise SystemExit(
                f"{row}: {len(asked) - len(done)} of {len(asked)} trainings failed or were not begun; see above"
            )
        return done

    @staticmethod
    def _name(overrides: str, seed: int, alone: bool) -> str:
        """Return the name of a run's folder; ``alone``: whether its row has one setting."""
        return str(seed) if alone else f"{hashlib.sha256(overrides.encode()).hexdigest()[:8]}_{seed}"

    def _do(self, row: str, purpose: Purpose, part: Sequence[tuple[str, int]], alone: bool) -> None:
        where = {one: self.folder / purpose / row / self._name(*one, alone=alone) for one in part}
        summaries = self.train({where[one]: (*one[0].split(), f"seed={one[1]}") for one in part})
        self.ledger.add(
            Training.of(
                row,
                purpose,
                overrides,
                seed,
                summaries[folder],
                self.figures(folder, summaries[folder]) if purpose == "report" else NONE,
            )
            for (overrides, seed), folder in where.items()
            if folder in summaries
        )
        if purpose == "tuning":
            shutil.rmtree(self.folder / purpose / row)


def carry_out(
    contenders: Sequence[Contender], trainings: Trainings, budget: Budget, seeds: int, side_by_side: int
) -> Iterator[Outcome]:
    """Search and train whatever of a study is missing.

    Args:
        contenders: The rows of the study.
        trainings: Gives the trainings.
        budget: What every search may spend.
        seeds: Number of reporting runs of each contender, with seeds 0, 1, ...
        side_by_side: Contenders at work at a time.

    Yields:
        One outcome per contender, in their order.
    """

    def contend(contender: Contender) -> Outcome:
        trials = search(contender, budget, lambda asked: trainings.of(contender.name, "tuning", asked))
        chosen = trials[0]
        found = f"  validation {chosen.mean():.4f}" if contender.space else ""
        print(f"{contender.name}: {chosen.overrides}{found}", flush=True)
        asked = [(chosen.overrides, seed) for seed in range(seeds)]
        return Outcome(contender, trials, trainings.of(contender.name, "report", asked))

    with ThreadPoolExecutor(side_by_side) as contests:
        yield from contests.map(contend, contenders)


def together(runs: Mapping[Path, Sequence[str]]) -> Mapping[Path, dict[str, Any]]:
    """Train runs as one program on one thread, where they fit together.

    Args:
        runs: Folder of the record -> overrides.

    Returns:
        Folder -> summary of the runs that ended as they should.
    """
    from homotopy_bench.runs.fusing import Fusing
    from reproductions.trained import train_missing

    return train_missing(runs, Fusing(probe=False, threads=1), threads=1)


@contextmanager
def processes(count: int, train: Train = together) -> Iterator[Train]:
    """Yield a function that trains in one of several processes, a thread each; calls beyond that wait.

    Args:
        count: Number of processes.
        train: How each trains.
    """
    context = multiprocessing.get_context("spawn")  # a forked torch may hang in its thread pool
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        yield lambda runs: pool.submit(train, runs).result()
