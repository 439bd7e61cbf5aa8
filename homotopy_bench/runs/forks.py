"""Begin runs that continue a snapshot of another run with other orders of the data.

Two such children share all training up to the snapshot and nothing but the setting after it. From the epoch on at which
no barrier is left between them, training is stable to the noise of its order (Frankle et al. 2020, arXiv:1912.05671).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import DamagedFile, read_json_lines
from homotopy_bench.loggers.base import Loggers
from homotopy_bench.observation.off import Off
from homotopy_bench.runs.job import Job
from homotopy_bench.tracking.checkpoint_file import read_checkpoint
from homotopy_bench.tracking.record import FORKS, SCHEMA, Record, Request, holds_run


def fork_folder(parent: Path, snapshot: str, order: int) -> Path:
    """Return the folder of a child.

    Example:
        >>> fork_folder(Path("run"), "epoch-5", 1).as_posix()
        'run/forks/epoch-5/order-1'
    """
    return parent / FORKS / snapshot / f"order-{order}"


def child_config(config: Config, order: int) -> Config:
    """Return the configuration of a child: its parent's with another order of the data, and nothing beside training."""
    training = config.training.model_copy(update={"data_order": order, "snapshots": []})
    return replace(config, training=training, landscape=Off(), logger=Loggers())


def begin_child(config: Config, overrides: Sequence[str], snapshot: Path, order: int) -> Job:
    """Return the job of a child, whose record is begun where it was not.

    Args:
        config: The parent's configuration.
        overrides: Its overrides.
        snapshot: File of the state to continue from, in the ``snapshots`` folder of the parent.
        order: Seed of the order of the data.

    Raises:
        InputError: If the snapshot is damaged, or not one of this configuration, or the folder cannot be written.
    """
    parent = snapshot.parent.parent
    folder, child = fork_folder(parent, snapshot.stem, order), child_config(config, order)
    said = [*overrides, f"training.data_order={order}"]
    if not holds_run(folder):
        state = _snapshot_state(config, snapshot)
        try:
            metrics = _lines_up_to(parent / "metrics.jsonl", state["member"]["step"])
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError("--fork", snapshot, f"{error.filename}: {error.strerror}") from error
        Record.forked(folder, Request(child.to_dict(), said), {**state, "config_hash": child.hash()}, metrics)
    return Job(child, folder, said, keeps_network=False)


def _lines_up_to(metrics: Path, step: int) -> bytes:
    """Return the lines of the evaluations up to a step.

    The length that a snapshot keeps is that of lines which may have been written anew since, with other times.

    Raises:
        InputError: If one of them is damaged.
        OSError: If they cannot be read.
    """
    try:
        count = sum(line["step"] <= step for line in read_json_lines(metrics))
    except (DamagedFile, KeyError) as error:
        raise InputError("--fork", metrics, f"cannot be read ({error})") from error
    return b"".join(metrics.read_bytes().splitlines(keepends=True)[:count])


def _snapshot_state(config: Config, snapshot: Path) -> dict[str, Any]:
    try:
        state = read_checkpoint(snapshot)
    except (DamagedFile, OSError) as error:
        raise InputError("--fork", snapshot, f"cannot be read ({error})") from error
    if not isinstance(state, dict) or state.get("schema") != SCHEMA or state.get("config_hash") != config.hash():
        raise InputError("--fork", snapshot, "is no snapshot of this run's configuration")
    return state
