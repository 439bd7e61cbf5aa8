"""The published bound on bits, and the corrected ones, against measured bits of quadratic functions, kept as JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from quadratics import study

from reproductions.measured_once import measured_once

NAME = "precision_bounds"

CASES, EPSILON = 400, 1e-6


def measure(results: Path) -> str:
    """Compare, unless that is done.

    Args:
        results: Folder of the JSON.

    Returns:
        What is kept.
    """
    return measured_once(
        results / f"{NAME}.json", lambda: {"rows": [asdict(row) for row in study(CASES, EPSILON)], "eps": EPSILON}
    )
