"""Write the landscape of finished runs as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from homotopy_bench.analysis.correlations import Correlation
from homotopy_bench.analysis.finished import FinishedRun, LeftOut
from homotopy_bench.analysis.forks import STABLE, Fork, stable_from
from homotopy_bench.analysis.pairs import PairFigure
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


PAIR_COLUMNS = {
    "barrier_loss": "barrier",
    "barrier_error": "of the error",
    "reestimated_barrier_loss": "new statistics",
    "matched_barrier_loss": "matched",
    "matched_barrier_error": "of the error",
    "repaired_barrier_loss": "repaired",
    "bezier_max_loss": "Bezier maximum",
    "disagreement": "disagreement",
    "cka": "CKA",
}
"""Figures of pairs that are shown, with their headers; a document of JSON has all."""


def pairs_text(figures: Sequence[PairFigure]) -> str:
    """Return the figures of pairs as a table for each split, a line for each pair."""
    parts = []
    for split in dict.fromkeys(one.split for one in figures):
        own = [one for one in figures if one.split == split]
        known = {one.name for one in own if one.entry.get("value") is not None}
        shown = [name for name in PAIR_COLUMNS if name in known]
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for one in own:
            rows.setdefault((str(one.first.folder), str(one.second.folder)), {})[one.name] = one.entry
        lines = [[f"between two networks, {split} data", "", *(PAIR_COLUMNS[name] for name in shown)]]
        lines += [
            [inert(first), inert(second), *(cell(entries.get(name, {})) for name in shown)]
            for (first, second), entries in rows.items()
        ]
        parts.append(table(lines))
    return "\n".join(parts)


def pairs_document(figures: Sequence[PairFigure]) -> list[dict[str, Any]]:
    """Return for each pair its folders and, by split and metric, its figures."""
    documents: dict[tuple[str, str], dict[str, Any]] = {}
    for one in figures:
        key = str(one.first.folder), str(one.second.folder)
        document = documents.setdefault(key, {"first": key[0], "second": key[1], "figures": {}})
        document["figures"].setdefault(one.split, {})[one.name] = one.entry
    return list(documents.values())


def forks_text(forks: Sequence[Fork], splits: Sequence[str]) -> str:
    """Return the forks of a run as a table, and from where on its training is stable."""
    names = {
        "barrier_loss": "largest barrier",
        "barrier_error": "of the error",
        "barrier_error_frankle": "over the mean of the ends",
        "disagreement": "disagreement",
    }
    header = ["snapshot", "step", "t", "children"]
    header += [f"{words}, {split}" for split in splits for words in names.values()]
    lines = [header]
    for fork in forks:
        values = [fork.largest(name, split) for split in splits for name in names]
        cells = ["not measured" if value is None else f"{value:.3g}" for value in values]
        lines.append([fork.snapshot, str(fork.step), f"{fork.t:.3g}", str(len(fork.children)), *cells])
    parts = [table(lines)]
    for split in splits:
        found, before = stable_from(forks, split)
        where = "no snapshot" if found is None else f"{found.snapshot} (step {found.step})"
        parts.append(f"  stable from {where} on{_before(before, split)}, {split} data\n")
    return "".join(parts)


def _before(fork: Fork | None, split: str) -> str:
    """Return what is known of the last fork that is not stable."""
    if fork is None:
        return f": no two children are {100 * STABLE:g} points of error apart"
    if fork.apart(split) is None:
        return f" at the latest: of {fork.orders} children of {fork.snapshot} too few are measured"
    if fork.diverged:
        return f": of {fork.orders} children of {fork.snapshot} {fork.diverged} diverged"
    return f": two children of {fork.snapshot} are {100 * STABLE:g} points of error apart, or more"


def forks_document(forks: Sequence[Fork], splits: Sequence[str]) -> list[dict[str, Any]]:
    """Return for each fork its snapshot, its children and what is between them."""
    return [
        {
            "snapshot": fork.snapshot,
            "step": fork.step,
            "t": fork.t,
            "orders": fork.orders,
            "diverged": fork.diverged,
            "children": [str(child.folder) for child in fork.children],
            "apart": {split: fork.apart(split) for split in splits},
            "pairs": pairs_document(fork.figures),
        }
        for fork in forks
    ]


def correlations_text(found: Sequence[Correlation], outcome: str, split: str) -> str:
    """Return the correlations of figures with an outcome as a table, or in a line why there are none."""
    if all(one.refused for one in found):
        why = found[0].refused if found else "nothing was measured"
        return f"no correlation with {outcome}, {split} data: {why}\n"
    lines = [[f"tau-b with {outcome}, {split} data", "tau", "95 % interval", "p", "p Holm", "runs", "strata"]]
    for one in found:
        if one.tau is None or one.p is None or one.p_holm is None:
            lines.append([one.figure, "", one.refused, "", "", str(one.runs), str(one.strata)])
            continue
        interval = "" if one.interval is None else f"{one.interval[0]:+.2f} to {one.interval[1]:+.2f}"
        p = f"{one.p:.3g}{'' if one.exact else ' (drawn)'}"
        lines.append([one.figure, f"{one.tau:+.2f}", interval, p, f"{one.p_holm:.3g}", str(one.runs), str(one.strata)])
    return table(lines)


def left_out_lines(left_out: Sequence[LeftOut]) -> list[str]:
    """Return a line for every folder that was not measured."""
    return [inert(f"left out: {one.folder}: {one.reason}") for one in left_out]
