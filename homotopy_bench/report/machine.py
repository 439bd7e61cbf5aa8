"""Write a report for programs: plain dictionaries, and JSON of them.

Top level of the document, schema 2 (accuracies and differences are fractions; null where not defined or not
recorded; texts are inert, see :func:`~homotopy_bench.core.inert.inert`):

``schema``
    2. In schema 1, intervals came from a percentile bootstrap, and a section held all protocols.
``command``
    The command line that made the file.
``settings``
    ``interval_method`` (``student_t``), ``confidence``, ``alpha``, ``power``, ``tests`` (m of Holm's correction).
``verdicts``
    The sentences that the text begins with, all of them.
``sections``, ``unusable``, ``tuning_runs``
    The fields of :class:`~homotopy_bench.report.structure.Report`: each class there becomes an object with the names
    of its attributes as keys, and ``unusable`` has objects of ``path``, ``kind`` and ``reason``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from homotopy_bench.core import statistics
from homotopy_bench.core.inert import inert
from homotopy_bench.report.structure import Report
from homotopy_bench.report.verdict import verdicts

SCHEMA = 2
"""Raised whenever a key changes its name or meaning."""


def to_dict(report: Report, command: str = "") -> dict[str, Any]:
    """Return a report made by ``command`` as the document described above; numbers that are not finite are None."""
    settings = {
        "interval_method": "student_t",
        "confidence": statistics.CONFIDENCE,
        "alpha": statistics.ALPHA,
        "power": statistics.POWER,
        "tests": report.tests,
    }
    sentences = [sentence for section in report.sections for sentence in verdicts(section)]
    document = {"schema": SCHEMA, "command": command, "settings": settings, "verdicts": sentences, **asdict(report)}
    return {name: _plain(value) for name, value in document.items() if name != "tests"}


def to_json(report: Report, command: str = "") -> str:
    """Return :func:`to_dict` as indented JSON, ending in a newline."""
    return json.dumps(to_dict(report, command), indent=2, allow_nan=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {inert(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return inert(str(value)) if isinstance(value, str | Path) else value
