"""Describe launchers, the sweeper of studies and the search spaces, as :mod:`homotopy_bench.config.reference` does."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from homotopy_bench.config.choices import Trees
from homotopy_bench.config.reference import (
    Choice,
    Key,
    comments_of,
    heading,
    markdown,
    option_keys,
    read_conf,
    written,
)
from homotopy_bench.core.conf_files import GROUPS_OF_HYDRA, choices_of
from homotopy_bench.runs.fusing import Fusing
from homotopy_bench.sweeps.studies.options import StudyOptions

LAUNCHER, SWEEPER = GROUPS_OF_HYDRA

FUSED = "All jobs in this process, those of one program as one ensemble where that is faster."
BASIC = {
    LAUNCHER: "Hydra's own: one job after the other in this process.",
    SWEEPER: "Hydra's own: every combination of the values that are written with commas.",
}


@dataclass(frozen=True)
class Sought:
    """Describe a key of a search space: its values, and the choice without which it is not sought."""

    key: str
    values: str
    when: str


def launchers() -> list[Choice]:
    """Return the choices of ``hydra/launcher``, the default first."""
    ours = [
        Choice(LAUNCHER, name, heading(file), (), tuple(_library_keys(file, "hydra.launcher")))
        for name in choices_of(LAUNCHER)
        for file in [f"{LAUNCHER}/{name}.yaml"]
    ]
    return [Choice(LAUNCHER, "fused", FUSED, (), tuple(_fusing_keys())), *ours, _basic(LAUNCHER)]


def sweepers() -> list[Choice]:
    """Return the choices of ``hydra/sweeper``, the default first."""
    file = f"{SWEEPER}/optuna.yaml"
    keys = option_keys(StudyOptions, "hydra.sweeper", read_conf(file), comments_of(file))
    return [_basic(SWEEPER), Choice(SWEEPER, "optuna", heading(file), (), tuple(keys))]


def search_space(name: str, trees: Trees = ()) -> list[Sought]:
    """Return the keys of ``sweep=NAME``."""
    spec = read_conf(f"sweep/{name}.yaml", trees)["hydra"]["sweeper"]["params"]
    found = []
    for key, values in spec.items():
        part = values if isinstance(values, dict) else {"values": values}
        found.append(Sought(key, part["values"], part.get("when", "")))
    return found


def _basic(group: str) -> Choice:
    return Choice(group, "basic", BASIC[group], (), ())


def _fusing_keys() -> list[Key]:
    """Return the keys of the fused launcher, whose options are a dataclass."""
    words = {"int | None": "an integer >= 1 or null", "bool": "true or false"}
    about = inspect.cleandoc(Fusing.__doc__ or "")
    found = []
    for field in fields(Fusing):
        described = re.search(rf"^ *{field.name}: (.*?)(?=^ *\w+:|^$|\Z)", about, re.DOTALL | re.MULTILINE)
        assert described, field.name
        description = markdown(described[1]).replace("None for", "null:").rstrip(".")
        default = written(field.default)
        listed = ("true", "false") if isinstance(field.default, bool) else ()
        found.append(Key(f"hydra.launcher.{field.name}", words[str(field.type)], default, False, description, listed))
    return found


_TYPES = {
    "setup": "a list of texts or null",
    "gpus_per_node": "an integer or null",
    "num_gpus": "a number >= 0",
    "num_cpus": "a number >= 0",
    "max_retries": "an integer >= -1",
    "n_jobs": "an integer, not 0",
    "mem_gb": "a number > 0",
    "timeout_min": "an integer >= 1",
    "signal_delay_s": "an integer >= 0",
    "cpus_per_task": "an integer >= 1",
    "array_parallelism": "an integer >= 1",
    "logging_level": "DEBUG, INFO, WARNING, ERROR, CRITICAL",
}
"""What keys of libraries accept, where their default does not tell."""


def _library_keys(file: str, prefix: str) -> list[Key]:
    """Return options that a library checks, not a class of ours: their types are those of their defaults."""
    comments = comments_of(file)
    found = []
    for key, value in read_conf(file).items():
        if key == "_target_":
            continue
        for part, default in _parts(value).items():
            name = f"{prefix}.{key}.{part}" if part else f"{prefix}.{key}"
            description = comments.get(part or key) or comments[key]
            listed = ("true", "false") if isinstance(default, bool) else ()
            found.append(Key(name, _type(part or key, default), written(default), False, description, listed))
    return found


def _parts(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) and value else {"": value}


def _type(key: str, default: object) -> str:
    if key in _TYPES:
        return _TYPES[key]
    if default is None:
        return "a text or null"
    types = {bool: "true or false", int: "an integer", float: "a number", str: "a text", dict: "a mapping"}
    return types[type(default)]
