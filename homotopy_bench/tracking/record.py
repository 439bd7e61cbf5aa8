"""Write and read the record of one run: a folder in which every file is complete, or grows line by line.

    .hydra/config.yaml    what was asked for            checkpoint.pt   the state to continue from
    metrics.jsonl         a line per evaluation         curves.png      the lines as a picture
    summary.json          how it ended                  train.log       the same for a reader

``metrics.jsonl`` is append-only; a run killed in the middle may leave a torn last line, which readers skip and a
continued run cuts off. All other files appear complete or not at all.
"""

from __future__ import annotations

import io
import json
import math
import os
import warnings
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import read_json_lines, write_atomically
from homotopy_bench.core.masking import masked

SCHEMA = 1
"""Number of the record's layout; a reader refuses any other."""

OCCUPIED = "this folder already holds a run; give another hydra.run.dir=..., or continue it with resume=..."
"""What a new run in such a folder is told."""


class Record:
    """Write the record in the folder of one run, which must exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metrics = folder / "metrics.jsonl"
        self.summary = folder / "summary.json"
        self.checkpoint = folder / "checkpoint.pt"
        self.curves = folder / "curves.png"
        self.log_file = folder / "train.log"

    @classmethod
    def create(cls, folder: Path, config: Mapping[str, Any], overrides: list[str]) -> Record:
        """Return a new record in a folder that holds none, and is made if it is missing.

        Configuration and overrides are kept in ``.hydra/`` where Hydra has not done so.

        Raises:
            InputError: If the folder already holds a run, or cannot be written.
        """
        record = cls(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Exclusive creation decides between two runs that start in one folder at the same moment.
            record.metrics.touch(exist_ok=False)
            asked = folder / ".hydra"
            if not (asked / "overrides.yaml").exists():
                import yaml

                asked.mkdir(exist_ok=True)
                write_atomically(asked / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False).encode())
                write_atomically(asked / "overrides.yaml", yaml.safe_dump(overrides).encode())
        except FileExistsError:
            raise InputError("hydra.run.dir", folder, OCCUPIED) from None
        except OSError as error:
            raise InputError("hydra.run.dir", folder, f"cannot be written ({error.strerror})") from error
        return record

    def append(self, line: Mapping[str, Any]) -> None:
        """Append one line to the metrics; a number that is not finite becomes null."""
        with self.metrics.open("ab") as file:
            file.write(json.dumps(finite(line), allow_nan=False).encode() + b"\n")

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the checkpoint: a state of tensors, numbers, texts and containers, and the length of the metrics."""
        import torch

        with self.metrics.open("rb") as file:
            os.fsync(file.fileno())
            size = file.seek(0, 2)
        content = io.BytesIO()
        torch.save({"schema": SCHEMA, "metrics_bytes": size, **state}, content)
        write_atomically(self.checkpoint, content.getvalue())

    def load(self) -> dict[str, Any] | None:
        """Return the state of the last checkpoint; None without one. Nothing is altered.

        Raises:
            InputError: If the checkpoint is damaged or of another layout, or the metrics are shorter than it says.
        """
        if not self.checkpoint.exists():
            return None
        import torch

        try:
            with warnings.catch_warnings(action="ignore"):  # the error says it all
                state: dict[str, Any] = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        except Exception as error:  # torch.load raises whatever unpickling a damaged file leads to
            raise InputError("resume", self.folder, f"its checkpoint.pt is damaged ({type(error).__name__})") from error
        if not isinstance(state, dict):
            kind = type(state).__name__
            raise InputError("resume", self.folder, f"its checkpoint.pt holds a {kind}, no state of a run")
        if (schema := state.get("schema")) != SCHEMA:
            accepted = f"its checkpoint.pt has schema {schema}; this version reads {SCHEMA}"
            raise InputError("resume", self.folder, accepted)
        size = self.metrics.stat().st_size if self.metrics.exists() else 0
        if size < state["metrics_bytes"]:
            accepted = f"its metrics.jsonl has {size} bytes, its checkpoint.pt expects {state['metrics_bytes']}"
            raise InputError("resume", self.folder, accepted)
        return state

    def go_back_to(self, state: Mapping[str, Any] | None) -> None:
        """Cut the metrics back to the state that :meth:`load` returned, and remove temporary files of a kill."""
        for left_over in self.folder.glob(".*.tmp"):
            left_over.unlink()
        with self.metrics.open("ab") as file:
            file.truncate(0 if state is None else state["metrics_bytes"])

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write ``summary.json``; a number that is not finite becomes null, and the reason has no secrets."""
        said = {"reason": masked(str(summary["reason"]))} if summary.get("reason") else {}
        content = json.dumps({"schema": SCHEMA, **finite(summary), **said}, indent=2, allow_nan=False)
        write_atomically(self.summary, content.encode() + b"\n")

    def log(self, message: str) -> None:
        """Append a message with the time, and without secrets, to ``train.log``."""
        with self.log_file.open("a", encoding="utf-8") as file:
            file.write(f"[{datetime.now().isoformat(sep=' ', timespec='seconds')}] {masked(message)}\n")


def holds_run(folder: Path) -> bool:
    """Return whether a folder holds the record of a run."""
    return (folder / "metrics.jsonl").exists()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return a mapping per evaluation of a ``metrics.jsonl``, which may be missing, without a torn last line."""
    return read_json_lines(path)


def finite(value: Any) -> Any:
    """Return a nested value with every number that is not finite replaced by None.

    Example:
        >>> finite({"loss": float("nan"), "cost": {"steps": 3}})
        {'loss': None, 'cost': {'steps': 3}}
    """
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
