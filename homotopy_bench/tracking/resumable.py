"""Read a run's folder in order to continue it, before torch is loaded."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from homotopy_bench.config.including import from_copies
from homotopy_bench.config.schema import Config
from homotopy_bench.config.validation import validate
from homotopy_bench.core.credentials import refuse_credentials
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import DamagedFile, read_configuration, read_json
from homotopy_bench.core.included.copies import COPIES
from homotopy_bench.tracking.record import SCHEMA

FINAL = ("completed", "diverged", "pruned")
"""Statuses after which there is nothing to continue."""


def read_run(folder: Path) -> tuple[Config, list[str], str | None]:
    """Return the configuration of a run, its overrides, and its final status (None if it can be continued).

    Raises:
        InputError: If the folder holds no run, or one of another layout.
    """
    from omegaconf import OmegaConf

    accepted = "accepted: the folder of a run, with .hydra/config.yaml and metrics.jsonl"
    if not folder.is_dir():
        raise InputError("resume", folder, f"no such folder; {accepted}")
    asked, overrides = folder / ".hydra" / "config.yaml", folder / ".hydra" / "overrides.yaml"
    # overrides.yaml is written last: where it stands, config.yaml is whole.
    if not overrides.is_file() or not asked.is_file() or not (folder / "metrics.jsonl").is_file():
        raise InputError("resume", folder, f"this folder holds no run; {accepted}")
    try:
        raw = OmegaConf.to_container(OmegaConf.create(read_configuration(asked)), resolve=True)
        said: Any = OmegaConf.to_container(OmegaConf.create(read_configuration(overrides)))
    except DamagedFile as error:
        raise InputError("resume", folder, f"its .hydra/{error}") from error
    except Exception as error:  # YAML and interpolation errors of two libraries
        raise InputError("resume", folder, f"its .hydra/config.yaml cannot be read ({type(error).__name__})") from error
    if not isinstance(raw, dict) or not isinstance(said, list):
        raise InputError("resume", folder, f"its .hydra/config.yaml is no configuration; {accepted}")
    status = _final_status(folder)
    try:
        refuse_credentials(raw)
        config = with_copies({str(key): value for key, value in raw.items()}, folder)
    except InputError as error:
        raise InputError("resume", folder, f"its .hydra/config.yaml cannot be used: {error}") from error
    for tree in from_copies(config.include, folder):
        _say(f"included {tree.origin}: runs the copy {tree.folder}, hash {tree.key}")
    return config, [str(item) for item in said], status


@cache
def _say(line: str) -> None:
    """Print a line once in a process: the runs of a multirun share their copies."""
    print(line, file=sys.stderr, flush=True)


def with_copies(raw: Mapping[str, Any], folder: Path) -> Config:
    """Return the typed configuration of a run, with included choices from the copies that its folder holds.

    Raises:
        InputError: If the configuration cannot be used, or a copy was changed or is missing.
    """
    asked = raw.get("include", [])
    trees = from_copies(asked, folder) if isinstance(asked, list) else ()
    try:
        return validate({**raw, "include": [tree.key for tree in trees]})
    except InputError as error:
        if len(trees) < len(asked):
            missing = ", ".join(sorted({*map(str, asked)} - {tree.key for tree in trees}))
            where = f"the included files {missing} are not in {folder / COPIES}"
            raise InputError(error.key, error.value, f"{where}; {error.accepted}") from error
        raise


def failed_by_machine(error: Exception) -> bool:
    """Return whether a run failed by no fault of its own, so that it can be continued elsewhere or later."""
    if isinstance(error, InputError):
        return False
    from homotopy_bench.hardware.memory import fault_of  # imports torch

    return fault_of(error) == "machine"


def print_continuing(folder: Path) -> None:
    """Print how the run or the multirun in a folder is continued."""
    print(f"continue with: homotopy-train resume={folder}", file=sys.stderr)


def _final_status(folder: Path) -> str | None:
    try:
        summary = read_json(folder / "summary.json")
        schema, status = summary["schema"], summary["status"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("resume", folder, "its summary.json is damaged; delete it to continue the run") from error
    if schema != SCHEMA:
        raise InputError("resume", folder, f"its summary.json has schema {schema}; this version reads {SCHEMA}")
    return str(status) if status in FINAL else None
