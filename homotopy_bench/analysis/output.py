"""Write the landscape of finished runs as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from homotopy_bench.analysis.finished import FinishedRun, LeftOut
from homotopy_bench.analysis.survey import Figure
from homotopy_bench.core.inert import inert
from homotopy_bench.core.text_table import table
from homotopy_bench.tracking.record import finite

SCHEMA = 1

MARK = "*"
"""Stands behind a value whose error has not met its metric's tolerance."""


def figures_text(figures: Sequence[Figure]) -> str:
    """Return the figures as tables, one for each run, a line for each value with its splits beside each other."""
    by_run: dict[Path, list[Figure]] = {}
    for figure in figures:
        by_run.setdefault(figure.run.folder, []).append(figure)
    return "\n".join(f"{inert(run_words(own[0].run))}\n{_run_table(own)}" for own in by_run.values())


def run_words(run: FinishedRun) -> str:
    """Return a run in a line."""
    config = run.config
    return f"{config.method.name} on {config.dataset.name}, model {config.model.name}, seed {config.seed}, {run.folder}"


def _run_table(figures: Sequence[Figure]) -> str:
    splits = list(dict.fromkeys(figure.split for figure in figures))
    names = list(dict.fromkeys(figure.name for figure in figures))
    found = {(figure.name, figure.split): figure.entry for figure in figures}
    lines = [["", *(f"{split} data" for split in splits)]]
    lines += [[name, *(cell(found.get((name, split), {})) for split in splits)] for name in names]
    return table(lines)


def cell(entry: Mapping[str, Any]) -> str:
    """Return a value with its error; why there is none; a mark behind what has not converged.

    Example:
        >>> cell({"value": 2.5, "error": 0.25, "converged": True}), cell({"value": None, "reason": "no layers"})
        ('2.5 +- 0.2', 'no layers')
    """
    value, error = entry.get("value"), entry.get("error")
    if value is None:
        return str(entry.get("reason") or "not measured")
    within = f" +- {error:.1g}" if error else ""
    return f"{value:.4g}{within}{'' if entry.get('converged') else MARK}"


def to_json(content: Mapping[str, Any]) -> str:
    """Return a document of JSON; a number that is not finite is null."""
    return json.dumps(finite({"schema": SCHEMA, **content}), indent=2, allow_nan=False) + "\n"


def runs_document(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Return for each run its names and, by split and metric, its figures."""
    documents: dict[str, dict[str, Any]] = {}
    for figure in figures:
        run = figure.run
        document = documents.setdefault(
            str(run.folder),
            {
                "folder": str(run.folder),
                "dataset": run.config.dataset.name,
                "model": run.config.model.name,
                "method": run.config.method.name,
                "seed": run.config.seed,
                "config_hash": run.config.hash(),
                "state": run.state,
                "figures": {},
            },
        )
        document["figures"].setdefault(figure.split, {})[figure.name] = figure.entry
    return list(documents.values())


def left_out_lines(left_out: Sequence[LeftOut]) -> list[str]:
    """Return a line for every folder that was not measured."""
    return [inert(f"left out: {one.folder}: {one.reason}") for one in left_out]
