"""Define the options ``hydra.sweeper.*`` of ``hydra/sweeper=optuna``."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from homotopy_bench.core.options import Options
from homotopy_bench.core.seeds import FIRST_TUNING_SEED

Objective = Literal["val_acc", "forward_equivalents", "gradient_evaluations", "train_seconds"]


def _each_once(objectives: list[str]) -> list[str]:
    if len(set(objectives)) < len(objectives):
        raise ValueError("accepted: every objective once")
    return objectives


def _below(study: str) -> str:
    if PurePath(study).is_absolute() or ".." in PurePath(study).parts:
        raise ValueError("it names a folder among the outputs; accepted: a name without '..' and leading '/'")
    return study


class StudyOptions(Options):
    """Define the options of a study.

    ``n_trials`` is the total over all workers and calls. ``batch`` trials are chosen together, each knowing that the
    others are under way, and go to the launcher in one call. ``study`` is None until the sweep has named it
    (:mod:`homotopy_bench.sweeps.studies.naming`).
    """

    target: Annotated[str, Field(alias="_target_")]
    space: Annotated[str, Field(min_length=1)]
    study: Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_below)] | None
    folder: Annotated[str, Field(min_length=1)]
    params: dict[str, Any]
    n_trials: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)]
    sampler: Literal["tpe", "gp", "cmaes", "qmc", "random", "grid"]
    seed: Annotated[int, Field(ge=0)]
    startup_trials: Annotated[int, Field(ge=1)]
    pruner: Literal["none", "median", "successive_halving", "hyperband", "wilcoxon"]
    prune_on_path: bool
    objectives: Annotated[list[Objective], Field(min_length=1), AfterValidator(_each_once)]
    training_seed: Annotated[int, Field(ge=FIRST_TUNING_SEED)]
    storage: str | None
    lease: Annotated[float, Field(gt=0.0)]
    patience: Annotated[float, Field(ge=0.0)]
    trial: int | None
