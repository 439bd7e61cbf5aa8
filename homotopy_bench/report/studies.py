"""Find the studies below folders and read their trials; what is wrong with one is a value, never an exception.

A study is a folder whose ``multirun.yaml`` has the options of a study. Its trials are the records in the folders ``0``,
``1``, ..., of which ``3_attempt2`` takes the place of ``3``. Nothing else is read: the records have what the storage
has, wherever that is, and are there while a study is still running.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from homotopy_bench.core.files import DamagedFile, read_json
from homotopy_bench.core.inert import LONGEST_NAME, shortened
from homotopy_bench.report.protocol import BATCH_SIZE, EPOCHS, GRADIENTS
from homotopy_bench.report.runs import MOST_SETTINGS, Run, Unusable, read_run
from homotopy_bench.report.variants import flatten, shown
from homotopy_bench.tracking.origin import MULTIRUN, study_options

Status = Literal["completed", "diverged", "pruned", "failed", "open"]
"""How a trial ended; ``open`` where it has not, or its record is not there or cannot be read."""

Choice = Literal["independent", "sobol", "grid", "learning"]
"""How the trials of a study were chosen: at random, as points of a scrambled Sobol sequence, as those of a grid, or by
a sampler that learns from earlier ones."""

LEFT_OVERS = ("study.journal", "trials.csv")
"""Files that a study leaves beside its ``multirun.yaml``."""

SEVERAL = "searched"
"""What stands for a setting of the protocol in which the trials of a study differ."""

_FOLDER = re.compile(r"(\d{1,6})(?:_attempt(\d{1,6}))?")

_WARMUPS = ("continuation.warmup_fraction", "lr_schedule.warmup_fraction", "lr_schedule.base.warmup_fraction")


@dataclass(frozen=True)
class Trial:
    """Hold one trial of a study.

    Attributes:
        number: Its number, from 0 on.
        status: How it ended.
        reason: Why, in the words of its record; empty for most.
        method: Name of its method; empty where no record tells.
        val_acc: Validation accuracy at t = 1 after the last step, a fraction; None unless it completed or diverged.
        learning_rate: ``optimizer.lr``.
        warmup: Share of the training until t = 1, or where t is constant until the full learning rate.
        warmup_key: Key of ``warmup``; empty where there is none.
        gradients: Minibatch gradients that it paid for.
    """

    number: int
    status: Status
    reason: str
    method: str
    val_acc: float | None
    learning_rate: float | None
    warmup: float | None
    warmup_key: str
    gradients: float | None


@dataclass(frozen=True)
class Study:
    """Hold one study.

    Attributes:
        path: Its folder.
        name: Its name.
        sampler: What chose the trials: ``hydra.sweeper.sampler``.
        choice: How it chose these trials.
        pruner: What ended trials early: ``hydra.sweeper.pruner``.
        asked: ``n_trials``, the total that was asked for; None where that cannot be read.
        dataset: Name of the data set; several are joined by commas.
        model: Name of the model, likewise.
        method: Name of the method, likewise.
        protocol: What its trials have in common, key to value: the settings of the data set, batch size, epochs and
            gradients of a trial; :data:`SEVERAL` where they differ.
        trials: Those that have a folder, by number.
        missing: How many numbers below the largest one have none.
        runs: The records of the trials that completed or diverged.
    """

    path: str
    name: str
    sampler: str
    choice: Choice
    pruner: str
    asked: int | None
    dataset: str
    model: str
    method: str
    protocol: Mapping[str, str]
    trials: tuple[Trial, ...]
    missing: int
    runs: tuple[Run, ...]

    def with_status(self, *statuses: Status) -> list[Trial]:
        """Return the trials that ended in one of these ways."""
        return [trial for trial in self.trials if trial.status in statuses]

    @property
    def best(self) -> Trial | None:
        """The completed trial with the highest validation accuracy, of several the first."""
        return max(self.with_status("completed"), key=lambda trial: trial.val_acc or 0.0, default=None)


def read_studies(paths: Iterable[Path | str]) -> tuple[Study | Unusable, ...]:
    """Read every study at or below the given paths.

    Folders are searched as :func:`~homotopy_bench.report.runs.read_runs` does.

    Returns:
        In the order found: studies, and what of them cannot be read and why: the folder of a study, or that of a trial.
    """
    found: dict[Path, tuple[Study | Unusable, ...]] = {}
    for path in paths:
        for folder in _study_folders(Path(path)):
            if folder.resolve() not in found:
                found[folder.resolve()] = tuple(_read(folder))
    return tuple(one for of_folder in found.values() for one in of_folder)


def _study_folders(top: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(top):
        if MULTIRUN in files or not set(files).isdisjoint(LEFT_OVERS):
            yield Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))


def _read(folder: Path) -> Iterator[Study | Unusable]:
    """Yield the study in a folder, after those of its trials that cannot be read; nothing for another multirun."""
    try:
        options = study_options(folder / MULTIRUN)
    except FileNotFoundError:
        yield _unusable(folder, f"no {MULTIRUN}, which says what of a study this is")
        return
    except (OSError, DamagedFile) as error:
        said = f"{MULTIRUN}: {error.strerror}" if isinstance(error, OSError) else str(error)
        yield _unusable(folder, f"{said}: the study, if this is one, is not on the page")
        return
    if options is None:
        return
    objectives = options.get("objectives")
    if not (isinstance(objectives, list) and "val_acc" in objectives):
        yield _unusable(folder, "it does not optimise val_acc, which is what the page shows of a study")
        return
    trials: list[Trial] = []
    settings: list[Mapping[str, str]] = []
    runs: list[Run] = []
    for number, place in _trial_folders(folder):
        record = read_run(place, tuning=True)
        trial, own, problem = _read_trial(number, record)
        runs += [record] if isinstance(record, Run) else []
        if problem:
            yield _unusable(place, f"trial {number}: {problem}")
        trials.append(trial)
        settings += [own] if own else []
    if not settings:
        yield _unusable(folder, "no trial of this study has a record")
        return
    yield _study(folder, options, trials, settings, runs)


def _study(
    folder: Path,
    options: Mapping[str, Any],
    trials: list[Trial],
    settings: list[Mapping[str, str]],
    runs: list[Run],
) -> Study:
    def named(key: str) -> str:
        return shortened(", ".join(sorted({shown(one[key]) for one in settings if key in one})), LONGEST_NAME)

    def option(key: str) -> str:
        return shortened(str(options.get(key) or "unknown"), LONGEST_NAME)

    name = option("study")
    asked = options.get("n_trials")
    return Study(
        path=str(folder),
        name=shortened(folder.resolve().name, LONGEST_NAME) if "${" in name or name == "unknown" else name,
        sampler=option("sampler"),
        choice=_choice(options, trials),
        pruner=option("pruner"),
        asked=asked if type(asked) is int and asked > 0 else None,
        dataset=named("dataset.name"),
        model=named("model.name"),
        method=named("method.name"),
        protocol=_protocol(trials, settings),
        trials=tuple(trials),
        missing=trials[-1].number + 1 - len(trials),
        runs=tuple(runs),
    )


def _choice(options: Mapping[str, Any], trials: list[Trial]) -> Choice:
    known: dict[object, Choice] = {"random": "independent", "qmc": "sobol", "grid": "grid"}
    sampler, startup = str(options.get("sampler")), options.get("startup_trials")
    if sampler in known:
        return known[sampler]
    # The samplers that learn begin with Sobol points; of others nothing is known.
    begins = sampler in ("tpe", "gp", "cmaes") and type(startup) is int and trials[-1].number < startup
    return "sobol" if begins else "learning"


def _trial_folders(folder: Path) -> list[tuple[int, Path]]:
    """Return the number of each trial and the folder of the last attempt at it, by number."""
    found: dict[int, tuple[int, Path]] = {}
    try:
        places = list(folder.iterdir())
    except OSError:  # it has vanished, or nobody may read it
        return []
    for place in places:
        matched = _FOLDER.fullmatch(place.name)
        if matched and place.is_dir():
            number, attempt = int(matched[1]), int(matched[2] or 1)
            found[number] = max(found.get(number, (0, place)), (attempt, place))
    return [(number, place) for number, (_, place) in sorted(found.items())]


def _read_trial(number: int, record: Run | Unusable) -> tuple[Trial, Mapping[str, str], str]:
    """Return a trial, its settings if they are known, and what is wrong with its record, if anything is."""
    settings: Mapping[str, str]
    if isinstance(record, Run):
        settings = flatten(record.config)
        if record.val_acc is None:
            return _trial(number, "failed", "its record lacks a value", settings), settings, ""
        trial = _trial(number, record.status, "", settings, record.val_acc, record.gradient_evaluations)
        return trial, settings, ""
    settings, gradients, machine = _of_ended(record.path)
    if record.kind in ("pruned", "failed", "incomplete") and not machine:
        status: Status = "pruned" if record.kind == "pruned" else "failed"
        return _trial(number, status, record.reason, settings, None, gradients), settings, ""
    problem = "" if record.kind in ("running", "interrupted", "failed") else record.reason
    return _trial(number, "open", record.reason, settings, None, gradients), settings, problem


def _of_ended(folder: Path) -> tuple[Mapping[str, str], float | None, bool]:
    """Return settings and gradients of a run without a result, and whether it was the machine that kept it from one."""
    try:
        document = read_json(folder / "summary.json")
    except (OSError, DamagedFile):
        return {}, None, False
    if not isinstance(document, dict):
        return {}, None, False
    config, cost, machine = document.get("config"), document.get("cost"), document.get("fault") == "machine"
    gradients = _amount(cost.get("gradient_evaluations")) if isinstance(cost, dict) else None
    try:
        settings = flatten(config) if isinstance(config, dict) else {}
    except RecursionError:  # of a foreign record
        return {}, gradients, machine
    return settings if len(settings) <= MOST_SETTINGS else {}, gradients, machine


def _trial(
    number: int,
    status: Status,
    reason: str,
    settings: Mapping[str, str],
    val_acc: float | None = None,
    gradients: float | None = None,
) -> Trial:
    constant = settings.get("continuation.name") == '"constant"'
    keys = [key for key in _WARMUPS[constant:] if _number(settings.get(key)) is not None]
    return Trial(
        number,
        status,
        reason,
        shortened(shown(settings["method.name"]), LONGEST_NAME) if "method.name" in settings else "",
        val_acc,
        _number(settings.get("optimizer.lr")),
        _number(settings.get(keys[0])) if keys else None,
        keys[0] if keys else "",
        gradients,
    )


def _number(text: str | None) -> float | None:
    """Return a number of at least 0 from the JSON text of a setting; None for anything else."""
    return None if text is None else _amount(json.loads(text))


def _amount(value: object) -> float | None:
    """Return a number of at least 0; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0.0 <= value < 1e300 else None


def _protocol(trials: list[Trial], settings: list[Mapping[str, str]]) -> dict[str, str]:
    keys = {key for one in settings for key in one if key in (EPOCHS, BATCH_SIZE) or key.startswith("dataset.")}
    found = {}
    for key in sorted(keys - {"dataset.name"}):
        values = {one.get(key, "null") for one in settings}
        if values != {"null"}:
            found[key] = shortened(shown(next(iter(values))), LONGEST_NAME) if len(values) == 1 else SEVERAL
    paid = Counter(one.gradients for one in trials if one.status == "completed" and one.gradients is not None)
    if paid:
        gradients, same = paid.most_common(1)[0]
        found[GRADIENTS] = f"{gradients:.0f}" if 2 * same > paid.total() else SEVERAL
    return found


def _unusable(folder: Path, reason: str) -> Unusable:
    return Unusable(folder, "study", reason)
