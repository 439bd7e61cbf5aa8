"""Correlate what was measured of finished runs with their test accuracy, within equal settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from homotopy_bench.analysis.correlations import Correlation, correlations
from homotopy_bench.analysis.finished import FinishedRun
from homotopy_bench.analysis.survey import Figure
from homotopy_bench.core.files import DamagedFile, read_json

OUTCOME = "test accuracy"


def correlated(figures: Sequence[Figure], split: str) -> list[Correlation]:
    """Return the correlations of all figures of a split with the test accuracy of the same networks.

    Runs are compared with those alone that differ from them in nothing but the seed and the order of the data. Of
    copies of a run one counts.

    Args:
        figures: What was measured of the runs.
        split: Where.
    """
    runs = list({(_stratum(one.run), one.run.config.seed, one.run.state): one.run for one in figures}.values())
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
        return float(read_json(run.folder / "summary.json")["final"]["test_acc_target"])
    except (OSError, DamagedFile, KeyError, TypeError):
        return float("nan")


def _stratum(run: FinishedRun) -> str:
    """Return what runs must agree in: everything that a result depends on but the seed and the order of the data."""
    training = run.config.training.model_copy(update={"data_order": None})
    return replace(run.config, seed=0, training=training).hash()
