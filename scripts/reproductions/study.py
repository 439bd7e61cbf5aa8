"""A study from contenders to records: search, then reporting runs, on as many processes as asked for.

Everything done is kept below one folder and not done again: a study that was stopped goes on with the same command.

    FOLDER/search/NAME.json      the trials of a contender, best first
    FOLDER/runs/NAME/SEED/       the record of a reporting run
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reproductions.search import Budget, Contender, Trial, search


@dataclass(frozen=True)
class Outcome:
    """What a contender's search chose, and the summaries of its reporting runs by seed."""

    contender: Contender
    trials: list[Trial]
    summaries: list[dict[str, Any]]


def carry_out(
    contenders: Sequence[Contender], folder: Path, budget: Budget, seeds: int, processes: int
) -> list[Outcome]:
    """Search and train whatever of a study is missing.

    Args:
        contenders: The rows of the study.
        folder: Where everything is kept.
        budget: What every search may spend.
        seeds: Number of reporting runs of each contender, with seeds 0, 1, ...
        processes: Trainings side by side, each with its own thread.

    Returns:
        One outcome per contender, in their order.
    """
    context = multiprocessing.get_context("spawn")  # a forked torch may hang in its thread pool
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        searches = [pool.submit(search, one, budget, folder / "search" / f"{one.name}.json") for one in contenders]
        runs = []
        for contender, searched in zip(contenders, searches, strict=True):
            chosen = searched.result()[0]
            print(f"{contender.name}: {' '.join(chosen.overrides)}  validation {chosen.mean():.4f}", flush=True)
            runs += [
                pool.submit(recorded, (*contender.overrides, *chosen.overrides), seed, folder / "runs" / contender.name)
                for seed in range(seeds)
            ]
        summaries = [run.result() for run in runs]
    return [
        Outcome(contender, searched.result(), summaries[index * seeds : (index + 1) * seeds])
        for index, (contender, searched) in enumerate(zip(contenders, searches, strict=True))
    ]


def recorded(overrides: tuple[str, ...], seed: int, folder: Path) -> dict[str, Any]:
    """Return the summary of one reporting run, trained if it is not there.

    Raises:
        SystemExit: If the folder holds the record of another configuration.
    """
    from homotopy_bench import compose, train
    from homotopy_bench.runs.job import Job
    from homotopy_bench.runs.run import resume
    from homotopy_bench.tracking.display import Silent

    run, config = folder / str(seed), compose(*overrides, f"seed={seed}")
    summary = run / "summary.json"
    if summary.exists():
        kept: dict[str, Any] = json.loads(summary.read_text(encoding="utf-8"))
        if kept["config_hash"] != config.hash():
            raise SystemExit(f"{run}: the record of another configuration; give another --outputs")
        if kept["status"] in ("completed", "diverged"):
            return kept
    if (run / "metrics.jsonl").exists():
        return resume(Job(config, run, list(overrides)), Silent()).summary
    return train(config, run).summary
