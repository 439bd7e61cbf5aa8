"""One row of a published table, trained again with the settings that its search chose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from homotopy_bench.core.statistics import mean, student_interval
from reproductions.plan import Plan, Refused
from reproductions.recorded import recorded

PERCENT = 100.0
SEEDS = 5
"""Runs of a row that is trained again, unless asked otherwise."""


@dataclass(frozen=True)
class Row:
    """Hold what a page says of a row: the chosen overrides, and the mean test accuracy at t = 1 in percent."""

    overrides: tuple[str, ...]
    published: float


def published_rows(page: str) -> dict[str, Row]:
    """Return name -> row, of a page that :func:`reproductions.table.render` made.

    Example:
        >>> lines = ["| plain relu | 70.0 | **68.9** | 0.8 |", "| plain_relu | `method=baseline seed=1` |"]
        >>> page = chr(10).join(lines)
        >>> published_rows(page)["plain_relu"]
        Row(overrides=('method=baseline', 'seed=1'), published=68.9)
    """
    means = {name: float(value) for name, value in re.findall(r"^\| ([^|]+) \|[^|]*\| \*\*([\d.]+)\*\* \|", page, re.M)}
    chosen = re.findall(r"^\| ([\w.]+) \| `([^`]+)` \|$", page, re.M)
    return {name: Row(tuple(text.split()), means[name.replace("_", " ")]) for name, text in chosen}


def trained_again(name: str, page: Path, plan: Plan) -> str:
    """Train one row with its published settings, without a search, and return what came out beside the page.

    Args:
        name: Name of the row.
        page: The published page.
        plan: Where records are written, runs and overrides.

    Returns:
        The lines to print.

    Raises:
        Refused: If the page has no such row.
    """
    rows = published_rows(page.read_text(encoding="utf-8")) if page.exists() else {}
    if name not in rows:
        raise Refused(f"--row={name}: accepted: {', '.join(rows) or 'no row before the study'}")
    overrides = (*rows[name].overrides, *plan.overrides)
    folder = plan.outputs / page.stem / "rows" / name
    summaries = [recorded(overrides, seed, folder) for seed in range(plan.seeds or SEEDS)]
    accuracies = [summary["final"]["test_acc_target"] for summary in summaries]
    return comparison(name, rows[name], accuracies, Path(*page.parts[-3:]))


def comparison(name: str, row: Row, accuracies: Sequence[float], page: Path) -> str:
    """Return what came out beside what the page says; accuracies are fractions, by seed."""
    interval = student_interval(accuracies)
    within = (
        "" if interval is None else f", 95 % interval {PERCENT * interval.low:.1f} to {PERCENT * interval.high:.1f}"
    )
    each = " ".join(f"{PERCENT * accuracy:.1f}" for accuracy in accuracies)
    return (
        f"{name}: test accuracy in percent at t = 1, after the last step\n"
        f"  here   {PERCENT * (mean(accuracies) or 0.0):.1f}{within} (Student's t); by seed: {each}\n"
        f"  there  {row.published:.1f} ({page})\n"
        "Another processor rounds otherwise, which moves single seeds by points: compare the interval, not the seeds."
    )
