"""The published bound on bits, and the corrected ones, against measured bits of quadratic functions, kept as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from quadratics import study

from homotopy_bench.core.files import write_atomically
from homotopy_bench.tracking.environment import code_version

NAME = "precision_bounds"

CASES, EPSILON = 400, 1e-6


def measure(results: Path) -> str:
    """Compare, unless that is done.

    Args:
        results: Folder of the JSON.

    Returns:
        What is kept.
    """
    file = results / f"{NAME}.json"
    if file.exists():
        return file.read_text(encoding="utf-8")
    kept = {"rows": [asdict(row) for row in study(CASES, EPSILON)], "eps": EPSILON, "code": code_version()}
    text = json.dumps(kept, indent=1) + "\n"
    results.mkdir(parents=True, exist_ok=True)
    write_atomically(file, text.encode())
    return text
