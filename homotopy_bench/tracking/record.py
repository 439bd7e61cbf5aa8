"""Write and read the record of one run: a folder in which every file is complete, or grows line by line.

    .hydra/config.yaml    what was asked for            checkpoint.pt   the state to continue from
    metrics.jsonl         a line per evaluation         curves.png      the lines as a picture
    summary.json          how it ended                  train.log       the same for a reader
    best.safetensors      the best parameters at t = 1
    snapshots/            states of chosen epochs and values of t, each as in checkpoint.pt
    forks/                runs that continue them with other orders of the data

``metrics.jsonl`` is append-only; a run killed in the middle may leave a torn last line, which readers skip and a
continued run cuts off. All other files appear complete or not at all. ``metrics.jsonl`` comes last of the first files:
a folder without it holds no run yet.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import DamagedFile, read_json_lines, remove_left_overs, write_atomically
from homotopy_bench.core.folder_lock import FolderLock
from homotopy_bench.core.masking import masked
from homotopy_bench.tracking.checkpoint_file import encoded, read_checkpoint

if TYPE_CHECKING:
    from torch import Tensor

SNAPSHOTS, FORKS = "snapshots", "forks"
"""Folders in that of a run."""

SCHEMA = 1
"""Number of the record's layout; a reader refuses any other."""


@dataclass(frozen=True)
class Request:
    """What was asked for, as ``.hydra/`` keeps it."""

    config: Mapping[str, Any]
    overrides: Sequence[str]

    def keep(self, folder: Path) -> None:
        """Write it: the overrides last, so that where they stand the configuration is whole.

        Raises:
            OSError: If it cannot be written.
        """
        import yaml

        asked = folder / ".hydra"
        asked.mkdir(exist_ok=True)
        remove_left_overs(asked)
        write_atomically(asked / "config.yaml", yaml.safe_dump(dict(self.config), sort_keys=False).encode())
        write_atomically(asked / "overrides.yaml", yaml.safe_dump(list(self.overrides)).encode())


class Record:
    """Write the record in the folder of one run, which must exist.

    Who writes owns the folder: :meth:`create` and :meth:`own` lock it, until :meth:`release` or the process's end.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: FolderLock | None = None
        self.metrics = folder / "metrics.jsonl"
        self.summary = folder / "summary.json"
        self.checkpoint = folder / "checkpoint.pt"
        self.best = folder / "best.safetensors"
        self.curves = folder / "curves.png"
        self.log_file = folder / "train.log"
        self.snapshots = folder / SNAPSHOTS

    @classmethod
    def create(cls, folder: Path, request: Request | None) -> Record:
        """Return a new record in a folder that holds none, and is made if it is missing.

        Args:
            folder: The folder.
            request: What to keep in ``.hydra/``; None where Hydra has just done so.

        Raises:
            InputError: If the folder already holds a run, another process writes it, or it cannot be written.
        """
        record = cls(folder)
        record._lock = own_new(folder, "hydra.run.dir")
        try:
            if request is not None:
                request.keep(folder)
            record.metrics.touch(exist_ok=False)
        except OSError as error:
            record.release()
            raise InputError("hydra.run.dir", folder, f"cannot be written ({error.strerror})") from error
        return record

    @classmethod
    def forked(cls, folder: Path, request: Request, state: Mapping[str, Any], metrics: bytes) -> Record:
        """Return the record of a run that continues another's state, in a folder that holds none.

        Args:
            folder: The folder; it is made if it is missing.
            request: What to keep in ``.hydra/``.
            state: The state to continue from.
            metrics: The lines of the other run's metrics up to there. They are written last: where they stand, the
                state does.

        Raises:
            InputError: If the folder already holds a run, another process writes it, or it cannot be written.
        """
        record = cls(folder)
        record._lock = own_new(folder, "--fork")
        try:
            request.keep(folder)
            content = {**state, "schema": SCHEMA, "metrics_bytes": len(metrics)}
            write_atomically(record.checkpoint, encoded(content))
            write_atomically(record.metrics, metrics)
        except OSError as error:
            raise InputError("--fork", folder, f"cannot be written ({error.strerror})") from error
        finally:
            record.release()
        return record

    def own(self) -> None:
        """Lock the folder of a run that is continued.

        Raises:
            InputError: If another process writes it, or it cannot be written.
        """
        self._lock = FolderLock(self.folder, "resume")

    def release(self) -> None:
        """Release the folder."""
        if self._lock is not None:
            self._lock.release()

    def append(self, line: Mapping[str, Any]) -> None:
        """Append one line to the metrics; a number that is not finite becomes null.

        Raises:
            OSError: If it cannot be written, with the name of the file.
        """
        try:
            with self.metrics.open("ab") as file:
                file.write(json.dumps(finite(line), allow_nan=False).encode() + b"\n")
        except OSError as error:
            error.filename = str(self.metrics)  # a full disk names no file
            raise

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the checkpoint: a state of tensors, numbers, texts and containers, and the length of the metrics."""
        self._write(self.checkpoint, state)

    def keep_snapshot(self, name: str, state: Mapping[str, Any]) -> None:
        """Write a state like a checkpoint, as ``snapshots/NAME.pt``."""
        self.snapshots.mkdir(exist_ok=True)
        self._write(self.snapshots / f"{name}.pt", state)

    def _write(self, path: Path, state: Mapping[str, Any]) -> None:
        with self.metrics.open("rb") as file:
            os.fsync(file.fileno())
            size = file.seek(0, 2)
        write_atomically(path, encoded({"schema": SCHEMA, "metrics_bytes": size, **state}))

    def save_best(self, state: Mapping[str, Tensor]) -> None:
        """Write the ``state_dict`` of the target network that was best on the validation split."""
        from safetensors.torch import save

        write_atomically(self.best, save({name: value.contiguous() for name, value in state.items()}))

    def load(self) -> dict[str, Any] | None:
        """Return the state of the last checkpoint; None without one. Nothing is altered.

        Raises:
            InputError: If the checkpoint is damaged or of another layout, or the metrics are shorter than it says.
        """
        try:
            state = read_checkpoint(self.checkpoint)
        except FileNotFoundError:
            return None
        except DamagedFile as error:
            raise InputError("resume", self.folder, f"its {error}") from error
        except OSError as error:
            raise InputError("resume", self.folder, f"its checkpoint.pt is damaged ({error.strerror})") from error
        if not isinstance(state, dict):
            kind = type(state).__name__
            raise InputError("resume", self.folder, f"its checkpoint.pt holds a {kind}, no state of a run")
        if (schema := state.get("schema")) != SCHEMA:
            accepted = f"its checkpoint.pt has schema {schema}; this version reads {SCHEMA}"
            raise InputError("resume", self.folder, accepted)
        expected, size = state.get("metrics_bytes"), self.metrics.stat().st_size if self.metrics.exists() else 0
        if type(expected) is not int or not 0 <= expected <= size:
            accepted = f"its metrics.jsonl has {size} bytes, its checkpoint.pt expects {expected}"
            raise InputError("resume", self.folder, accepted)
        return state

    def evaluations(self, state: Mapping[str, Any]) -> int:
        """Return how many lines of the metrics belong to a state that :meth:`load` returned.

        Raises:
            InputError: If one of them is damaged.
        """
        size = state["metrics_bytes"]
        with self.metrics.open("rb") as file:
            file.seek(max(size - 1, 0))
            if size and file.read(1) != b"\n":
                raise InputError("resume", self.folder, "its checkpoint.pt ends within a line of its metrics.jsonl")
        try:
            return len(read_json_lines(self.metrics, size))
        except DamagedFile as error:
            raise InputError("resume", self.folder, f"its {error}") from error

    def go_back_to(self, state: Mapping[str, Any] | None) -> None:
        """Cut the metrics back to the state that :meth:`load` returned, and remove temporary files of a kill."""
        for folder in (self.folder, self.snapshots):
            remove_left_overs(folder)
        with self.metrics.open("ab") as file:
            file.truncate(0 if state is None else state["metrics_bytes"])

    def replace_section(self, name: str, section: Mapping[str, Any]) -> None:
        """Replace a section of the configuration that ``.hydra/`` keeps, with what the run has in its place."""
        import yaml

        asked = self.folder / ".hydra" / "config.yaml"
        config = {**yaml.safe_load(asked.read_text(encoding="utf-8")), name: dict(section)}
        write_atomically(asked, yaml.safe_dump(config, sort_keys=False).encode())

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write ``summary.json``; a number that is not finite becomes null, and the reason has no secrets."""
        said = {"reason": masked(str(summary["reason"]))} if summary.get("reason") else {}
        content = json.dumps({"schema": SCHEMA, **finite(summary), **said}, indent=2, allow_nan=False)
        write_atomically(self.summary, content.encode() + b"\n")

    def log(self, message: str) -> None:
        """Append a message with the time, and without secrets, to ``train.log``."""
        with self.log_file.open("a", encoding="utf-8") as file:
            file.write(f"[{datetime.now().isoformat(sep=' ', timespec='seconds')}] {masked(message)}\n")


def own_new(folder: Path, key: str) -> FolderLock:
    """Return the lock of a folder, named by ``key``, for a new run.

    Raises:
        InputError: If it holds a run, another process writes it, or it cannot be written.
    """
    refuse_occupied(folder, key)
    lock = FolderLock(folder, key)
    try:
        refuse_occupied(folder, key)  # it was not locked before
    except InputError:
        lock.release()
        raise
    return lock


def refuse_occupied(folder: Path, key: str) -> None:
    """Refuse a folder, named by ``key``, for a new run if it holds one.

    Raises:
        InputError: If it does.
    """
    if holds_run(folder):
        accepted = f"this folder already holds a run; give another {key}=..., or continue it with resume=..."
        raise InputError(key, folder, accepted)


def holds_run(folder: Path) -> bool:
    """Return whether a folder holds the record of a run."""
    return (folder / "metrics.jsonl").exists()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return a mapping per evaluation of a ``metrics.jsonl``, which may be missing, without a torn last line.

    Raises:
        DamagedFile: If a whole line is no mapping; :func:`~homotopy_bench.core.files.read_json_lines` raises it.
    """
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
