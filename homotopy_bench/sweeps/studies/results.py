"""Write the results of a study: ``trials.csv``, ``best.yaml``, and for several objectives ``front/``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import yaml
from optuna.trial import FrozenTrial, TrialState

from homotopy_bench.config.schema import Config
from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.inert import inert, inert_cell
from homotopy_bench.sweeps.studies.outcome import DIRECTIONS, RUN, result_of

GROUPS = ("dataset", "model", "method", "continuation", "optimizer", "lr_schedule")
SECTIONS = (*GROUPS, "training")
"""The sections of a setting; seeds, folders and devices are the user's."""


def front(trials: Sequence[FrozenTrial], objectives: Sequence[str]) -> list[FrozenTrial]:
    """Return the best trials that completed: one, or the Pareto front, the best in the first objective first."""
    completed = [
        trial for trial in trials if trial.state == TrialState.COMPLETE and result_of(trial)["status"] == "completed"
    ]
    signs = [1.0 if DIRECTIONS[objective] == "maximize" else -1.0 for objective in objectives]

    def scores(trial: FrozenTrial) -> tuple[float, ...]:
        return tuple(sign * value for sign, value in zip(signs, trial.values, strict=True))

    def dominated(trial: FrozenTrial) -> bool:
        mine = scores(trial)
        return any(
            theirs != mine and all(b >= a for a, b in zip(mine, theirs, strict=True))
            for theirs in map(scores, completed)
        )

    ranked = sorted(completed, key=lambda trial: (tuple(-one for one in scores(trial)), trial.number))
    return ranked[:1] if len(signs) == 1 else [trial for trial in ranked if not dominated(trial)]


def write_table(trials: Sequence[FrozenTrial], objectives: Sequence[str], file: Path) -> None:
    """Write a CSV line per trial: number, status, values, parameters, cost, folder, attempts and reason."""
    keys = list(dict.fromkeys(key for trial in trials for key in trial.params))
    costs = dict.fromkeys(key for trial in trials for key in result_of(trial)["cost"] if key not in objectives)
    best = {trial.number for trial in front(trials, objectives)}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = ["number", "status", "best", *objectives, *keys, *costs, "folder", "attempts", "reason"]
    writer.writerow(map(inert_cell, header))
    for trial in trials:
        result, run = result_of(trial), trial.user_attrs.get(RUN, {})
        # A pruned trial has the last accuracy before its end, which is none of a whole training.
        values = trial.values if trial.state == TrialState.COMPLETE else [None] * len(objectives)
        row = [trial.number, result["status"], int(trial.number in best), *values]
        row += [*map(trial.params.get, keys), *map(result["cost"].get, costs)]
        row += [run.get("folder"), run.get("attempt"), result.get("reason")]
        writer.writerow(map(inert_cell, row))
    write_atomically(file, text.getvalue().encode())


def write_setting(config: Config, about: str, file: Path) -> None:
    """Write a setting that ``homotopy-train experiment=FILE`` takes, under one line about where it comes from."""
    values = config.to_dict()
    document = {
        "defaults": [*({f"override /{group}": values[group]["name"]} for group in GROUPS), "_self_"],
        **{section: values[section] for section in SECTIONS},
    }
    content = f"# @package _global_\n# {inert(about)}\n{yaml.safe_dump(document, sort_keys=False)}"
    write_atomically(file, content.encode())
