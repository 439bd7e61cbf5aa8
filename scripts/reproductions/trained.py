"""Train the runs that a study of the landscape looks at; what is there is not trained again."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from homotopy_bench import compose
from homotopy_bench.config.schema import Config
from homotopy_bench.runs.fusing import Fusing
from homotopy_bench.runs.job import Job
from homotopy_bench.runs.many import train_members
from homotopy_bench.runs.member import Member
from homotopy_bench.tracking.record import holds_run
from homotopy_bench.tracking.resumable import FINAL

THREADS = 2


@dataclass(frozen=True)
class Row:
    """Describe the runs of one row: overrides, and the seeds of runs and of the orders of their data.

    Attributes:
        overrides: What all runs share.
        seeds: One run each.
        other_order: Whether the order of the data is that of another seed, s + 1000; the start is that of seed s.
    """

    overrides: tuple[str, ...]
    seeds: int
    other_order: bool = False


def trained(rows: Mapping[str, Row], folder: Path, extra: Sequence[str] = ()) -> dict[str, list[Path]]:
    """Return name -> folders of the runs by seed, trained where they are missing, together where that is faster.

    Raises:
        SystemExit: If a folder holds the record of another configuration, or the training was interrupted.
    """
    found: dict[str, list[Path]] = {}
    runs: dict[Path, Sequence[str]] = {}
    for name, row in rows.items():
        for seed in range(row.seeds):
            order = (f"training.data_order={seed + 1000}",) if row.other_order else ()
            run = folder / name / str(seed)
            runs[run] = (*row.overrides, *extra, *order, f"seed={seed}", f"hardware.threads={THREADS}")
            found.setdefault(name, []).append(run)
    train_missing(runs, Fusing(), THREADS)
    return found


def train_missing(runs: Mapping[Path, Sequence[str]], fusing: Fusing, threads: int) -> dict[Path, dict[str, Any]]:
    """Train what has not ended, together where that is faster; what has a checkpoint goes on.

    Args:
        runs: Folder of the record -> overrides.
        fusing: Options of training together.
        threads: Threads of this process.

    Returns:
        Folder -> ``summary.json`` of the runs that ended as they should, diverged or not.

    Raises:
        SystemExit: If a folder holds the record of another configuration, or the training was interrupted.
    """
    members: list[Member] = []
    for folder, overrides in runs.items():
        config = compose(*overrides)
        kept = own_summary(folder, config)
        if kept.get("status") not in FINAL:
            job = Job(config, folder, list(overrides), keeps_network=False)
            members.append(Member.continued(job) if holds_run(folder) else Member.begin(job))
    torch.set_num_threads(threads)
    if not train_members(members, fusing, say=lambda line: print(line, file=sys.stderr, flush=True)):
        raise SystemExit("interrupted; the same command goes on")
    for member in members:
        if member.error is not None:
            print(f"{member.job.folder}: {member.reason}", file=sys.stderr)
    return {folder: kept for folder in runs if (kept := _summary(folder)).get("status") in FINAL}


def own_summary(folder: Path, config: Config) -> dict[str, Any]:
    """Return ``summary.json`` of a run of this configuration, else an empty mapping.

    Raises:
        SystemExit: If the folder holds the record of another one.
    """
    kept = _summary(folder)
    if kept and kept["config_hash"] != config.hash():
        raise SystemExit(f"{folder}: the record of another configuration; give another --outputs")
    return kept


def _summary(folder: Path) -> dict[str, Any]:
    file = folder / "summary.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def final_summary(folder: Path) -> dict[str, Any]:
    """Return ``summary.json`` of a run that ended as it should, else an empty mapping."""
    kept = _summary(folder)
    return kept if kept.get("status") in FINAL else {}
