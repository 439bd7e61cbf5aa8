"""Read how a trial ended from the record of its run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from optuna.trial import FrozenTrial, TrialState

from homotopy_bench.core.files import DamagedFile, read_json
from homotopy_bench.tracking.record import SCHEMA, read_metrics

DIRECTIONS: dict[str, Literal["maximize", "minimize"]] = {
    "val_acc": "maximize",
    "forward_equivalents": "minimize",
    "gradient_evaluations": "minimize",
    "train_seconds": "minimize",
}
"""Objective -> which way is better."""

RUN = "run"
"""User attribute of a trial: its worker, attempt, folder, and overrides."""

RESULT = "result"
"""User attribute of an ended trial: status and reason, cost, and its path."""

STATES = {
    "completed": TrialState.COMPLETE,
    "diverged": TrialState.COMPLETE,  # counts, with the accuracy of its broken network
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
"""Status of a record -> state of its trial; an interrupted run is none yet."""


@dataclass(frozen=True)
class Outcome:
    """Hold the end of a trial, from its record."""

    status: str  # ``failed`` where there is no record
    reason: str | None
    values: tuple[float, ...] | None = None  # one per objective, for trials that count
    cost: dict[str, float] = field(default_factory=dict)
    path: tuple[tuple[int, float, float], ...] = ()  # (epoch, t, validation accuracy at that t) where t < 1

    @property
    def state(self) -> TrialState:
        """State of the trial."""
        return STATES[self.status]


def read_outcome(folder: Path, objectives: Sequence[str], overrides: Sequence[str]) -> Outcome | None:
    """Return how the run in a folder ended.

    None where it has not, as it was interrupted or the machine failed it, and where it is a run of other overrides.
    """
    try:
        summary: Any = read_json(folder / "summary.json")
    except (OSError, DamagedFile):
        return None
    if not isinstance(summary, dict):
        return None
    status = summary.get("status")
    if summary.get("schema") != SCHEMA or status not in STATES or summary.get("fault") == "machine":
        return None
    if not _are_same(overrides, summary.get("overrides")):
        return None
    cost = summary.get("cost") or {}
    measured = {"val_acc": (summary.get("final") or {}).get("val_acc_target"), **cost}
    values = tuple(measured.get(objective) for objective in objectives)
    reason = summary.get("reason")
    if STATES[status] != TrialState.COMPLETE:
        return Outcome(status, reason, cost=cost)
    if any(value is None for value in values):
        return Outcome("failed", f"{status}, but its record lacks a value", cost=cost)
    try:
        lines = read_metrics(folder / "metrics.jsonl")
    except DamagedFile as error:  # its accuracy stands in the summary; only its path is not known
        lines, reason = [], str(error)
    path = tuple(
        (line["epoch"], line["t"], line["val_acc_path"])
        for line in lines
        if line["t"] < 1.0 and line["val_acc_path"] is not None
    )
    return Outcome(status, reason, tuple(float(value) for value in values if value is not None), cost, path)


def _are_same(overrides: Sequence[str], recorded: object) -> bool:
    """Return whether a record is one of these overrides; it may have those that refer to others written out."""
    if not isinstance(recorded, list) or len(recorded) != len(overrides):
        return False
    return all("${" in asked or asked == one for asked, one in zip(overrides, recorded, strict=True))


def reason_of(folder: Path) -> str:
    """Return why the run in a folder has not ended, as far as its record says so."""
    try:
        return str(read_json(folder / "summary.json")["reason"])
    except (OSError, DamagedFile, KeyError, TypeError):
        return "its record does not say why"


def result_of(trial: FrozenTrial) -> dict[str, Any]:
    """Return what a study keeps of how a trial ended; one that has not is ``running``, or ``open`` without a worker."""
    if RESULT in trial.user_attrs:
        result: dict[str, Any] = trial.user_attrs[RESULT]
        return result
    status = "running" if trial.user_attrs.get(RUN, {}).get("worker") else "open"
    return {"status": status, "cost": {}, "path": []}
