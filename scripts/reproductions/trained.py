"""Train the runs that a study of the landscape looks at; what is there is not trained again."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from homotopy_bench import compose
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
    members: list[Member] = []
    for name, row in rows.items():
        for seed in range(row.seeds):
            order = (f"training.data_order={seed + 1000}",) if row.other_order else ()
            overrides = [*row.overrides, *extra, *order, f"seed={seed}", f"hardware.threads={THREADS}"]
            run, config = folder / name / str(seed), compose(*overrides)
            found.setdefault(name, []).append(run)
            summary = run / "summary.json"
            kept = json.loads(summary.read_text(encoding="utf-8")) if summary.exists() else {}
            if kept and kept["config_hash"] != config.hash():
                raise SystemExit(f"{run}: the record of another configuration; give another --outputs")
            if kept.get("status") not in FINAL:
                job = Job(config, run, overrides, keeps_network=False)
                members.append(Member.continued(job) if holds_run(run) else Member.begin(job))
    torch.set_num_threads(THREADS)
    if not train_members(members, Fusing(), say=lambda line: print(line, file=sys.stderr, flush=True)):
        raise SystemExit("interrupted; the same command goes on")
    for member in members:
        if member.error is not None:
            print(f"{member.job.folder}: {member.reason}", file=sys.stderr)
    return found
