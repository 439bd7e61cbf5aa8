"""Write a report for programs: plain dictionaries, and JSON of them.

Top level of the document, schema 1 (accuracies and differences are fractions; null where not defined or not
recorded):

``schema``
    1.
``command``
    The command line that made the file.
``settings``
    ``bootstrap_method``, ``bootstrap_resamples``, ``bootstrap_seed``, ``confidence``, ``alpha``, ``power``,
    ``tests`` (m of Holm's correction).
``sections``
    List, one per data set and model: ``dataset``, ``model``, ``code_versions``, ``validated_on_test``,
    ``unpublished_data``, ``also_differ`` {method: {key: [values]}}, ``baseline`` {``label``, ``candidates``,
    ``val_mean``, ``asked``} or null, ``no_baseline`` (why null), ``rows``, ``comparisons``.
``sections[].rows``
    List by falling mean: ``method``, ``label``, ``settings`` {key: value}, ``seeds``, ``runs``,
    ``diverged``, ``mean``, ``std``, ``iqm``, ``interval`` {``low``, ``high``} or null, ``precision_mean``,
    ``recall_mean``, ``f1_mean``, ``val_mean``, ``path_mean``, ``path_runs``, ``train_seconds``,
    ``gradient_evaluations``, ``hvp_evaluations``, ``forward_equivalents``, ``peak_memory_mb``, ``paths``.
``sections[].comparisons``
    List: ``method``, ``label``, ``pairs``, ``dropped_seeds``, ``dropped_baseline_seeds``, ``unequal_pairs``,
    ``mean_difference``, ``interval``, ``p_value``, ``p_holm``, ``smallest_p``, ``minimum_detectable_effect``,
    ``cost_ratio``, ``differs_in`` {key: [value of the row, value of the baseline]}.
``unusable``
    List: ``path``, ``kind``, ``reason``.
``tuning_runs``
    How many runs of searches were left out.

What each value means is said where it is defined, in :mod:`homotopy_bench.report.structure`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from homotopy_bench.report import statistics
from homotopy_bench.report.cells import printable
from homotopy_bench.report.structure import Report

SCHEMA = 1
"""Raised whenever a key changes its name or meaning."""


def to_dict(report: Report, command: str = "") -> dict[str, Any]:
    """Return a report as the document described at the top of this module; numbers that are not finite are None.

    Args:
        report: What to convert.
        command: The command line that made it.
    """
    settings = {
        "bootstrap_method": "percentile",
        "bootstrap_resamples": statistics.BOOTSTRAP_RESAMPLES,
        "bootstrap_seed": statistics.BOOTSTRAP_SEED,
        "confidence": statistics.CONFIDENCE,
        "alpha": statistics.ALPHA,
        "power": statistics.POWER,
        "tests": report.tests,
    }
    content = {name: value for name, value in asdict(report).items() if name != "tests"}
    document = {"schema": SCHEMA, "command": command, "settings": settings, **content}
    return {name: _plain(value) for name, value in document.items()}


def to_json(report: Report, command: str = "") -> str:
    """Return :func:`to_dict` as indented JSON, ending in a newline."""
    return json.dumps(to_dict(report, command), indent=2, allow_nan=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return printable(str(value)) if isinstance(value, str | Path) else value
