"""Correlate what was measured of finished runs with their test accuracy, within methods and learning rates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from homotopy_bench.analysis.correlations import Correlation, correlations
from homotopy_bench.analysis.finished import FinishedRun
from homotopy_bench.analysis.survey import Figure

OUTCOME = "test accuracy"


def correlated(figures: Sequence[Figure], split: str) -> list[Correlation]:
    """Return the correlations of all figures of a split with the test accuracy of the same networks.

    Runs are compared with others of their data set, model, method, optimiser and learning rate alone.

    Args:
        figures: What was measured of the runs.
        split: Where.
    """
    runs = list({figure.run.folder: figure.run for figure in figures}.values())
    values: dict[str, dict[object, Any]] = {}
    for figure in figures:
        if figure.split == split:
            values.setdefault(figure.name, {})[figure.run.folder] = figure.entry.get("value")
    columns = {name: [found.get(run.folder) for run in runs] for name, found in values.items()}
    changing = {name: column for name, column in columns.items() if name != "density"}
    return correlations(changing, [_accuracy(run) for run in runs], [_stratum(run) for run in runs])


def _accuracy(run: FinishedRun) -> float:
    """Return the test accuracy at the end; not a number where the record has none."""
    try:
        summary = json.loads((run.folder / "summary.json").read_text(encoding="utf-8"))
        return float(summary["final"]["test_acc_target"])
    except (OSError, ValueError, KeyError, TypeError):
        return float("nan")


def _stratum(run: FinishedRun) -> str:
    """Return what runs must agree in: everything but the seed and the order of the data."""
    config = run.config.to_dict()
    training = {key: value for key, value in config["training"].items() if key not in ("data_order", "snapshots")}
    left = {key: value for key, value in config.items() if key not in ("seed", "paths", "logger", "landscape")}
    return json.dumps({**left, "training": training}, sort_keys=True)
