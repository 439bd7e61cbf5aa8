"""Define a tracker: it is told of the beginning, the evaluations and the end of a run, and keeps them.

A tracker runs in a process beside the training (:mod:`homotopy_bench.tracking.trackers`): it may raise, print, wait for
a server or draw random numbers, and the run does not notice.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from pydantic import SerializeAsAny, model_serializer

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.options import Options

SILENCE = 60.0
"""Seconds without a sign of life after which the end of a run no longer waits for its trackers."""

FILES = ("curves.png", "checkpoint.pt")
"""Files of a run's folder that a tracker takes at the end, where they are there."""


@dataclass(frozen=True)
class Run:
    """Describe a run for its trackers.

    Attributes:
        folder: The run's folder.
        outputs: Folder of all runs.
        name: Method, data set, model and seed in one line.
        config: The configuration without folders and trackers.
        tags: Data set, model and method.
        group: The sweep it belongs to; None for a single run.
        job_type: ``train``, or ``trial`` in a study.
        known: What :attr:`Tracker.id` was when the run was begun; None for a new run.
        step: Steps done when it begins or continues.
    """

    folder: Path
    outputs: Path
    name: str
    config: Mapping[str, Any]
    tags: tuple[str, ...]
    group: str | None
    job_type: str
    known: str | None
    step: int


class Point(NamedTuple):
    """Hold the numbers of one evaluation: ``values`` by key, after ``step`` steps."""

    step: int
    values: Mapping[str, float]


class Tracker(Protocol):
    """Log one run, from opening to end; an exception ends the tracker, and nothing else."""

    id: str
    """Name by which the same run is found again when it is continued."""

    def log(self, points: Sequence[Point]) -> None:
        """Take evaluations, in their order."""

    def finish(self, summary: Mapping[str, Any] | None, files: Sequence[Path]) -> None:
        """Take the end: the content of ``summary.json``, None where the process died, and files of the record."""


class Logger(Options, ABC):
    """Define a choice of the group ``logger``.

    Attributes:
        package: The module it needs.
        short: Keys that may be written beside it: ``logger.KEY`` for ``logger.NAME.KEY``.
        variables: Environment variables of the trackers' process, where the user's environment has none.
    """

    name: str
    package: ClassVar[str]
    short: ClassVar[tuple[str, ...]] = ()
    variables: ClassVar[Mapping[str, str]] = {}

    def check_requirements(self) -> None:
        """Look for the package, without loading it.

        Raises:
            InputError: If it is not installed.
        """
        spec = importlib.util.find_spec(self.package)
        # A folder of that name, such as W&B leaves one, has a spec, but no origin.
        if spec is None or spec.origin is None:
            raise InputError("logger", self.name, f"not installed; pip install 'homotopy-bench[{self.name}]'")

    @abstractmethod
    def open(self, run: Run) -> Tracker:
        """Return the tracker of a run that begins or continues."""


class Loggers(Options):
    """List the trackers of a run; none by default.

    Example:
        >>> from homotopy_bench import compose
        >>> compose("logger=[wandb,tensorboard]").logger.name, compose().logger.name
        ('wandb,tensorboard', 'none')
    """

    chosen: tuple[SerializeAsAny[Logger], ...] = ()

    @property
    def name(self) -> str:
        """Their names, separated by commas."""
        return ",".join(logger.name for logger in self.chosen) or "none"

    @model_serializer
    def by_name(self) -> dict[str, Any]:
        """Return the options of each under its name."""
        return {logger.name: logger.model_dump(mode="json", by_alias=True, exclude={"name"}) for logger in self.chosen}


def flat(nested: Mapping[str, Any], separator: str = ".", prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield keys, dotted as on the command line, and values of a nested configuration.

    Example:
        >>> list(flat({"seed": 1, "model": {"name": "mlp"}}))
        [('seed', 1), ('model.name', 'mlp')]
    """
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from flat(value, separator, f"{prefix}{key}{separator}")
        else:
            yield f"{prefix}{key}", value


def numbers(content: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a line of the metrics or a part of the summary; what is no number stays in the record.

    Keys of nested mappings are joined with slashes.

    Example:
        >>> numbers({"t": 0.5, "cost": {"gradient_evaluations": 28}, "lr": None, "curvature": {"step": [1, 2]}})
        {'t': 0.5, 'cost/gradient_evaluations': 28}
    """
    found = flat(content, "/")
    return {key: value for key, value in found if isinstance(value, int | float) and not isinstance(value, bool)}


SAID = ("status", "reason", "config_hash", "code_version")
"""Texts of the summary by which runs are found and told apart."""

RESULTS = ("final", "best", "best_on_path", "landscape", "stability", "cost")
"""Parts of the summary that are numbers."""


def results(summary: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a ``summary.json``: ``final/test_acc_target`` and all others of :data:`RESULTS`."""
    return numbers({part: summary[part] for part in RESULTS if summary.get(part) is not None})


def said(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return those of the texts :data:`SAID` that a ``summary.json`` has."""
    return {key: str(summary[key]) for key in SAID if summary.get(key) is not None}
