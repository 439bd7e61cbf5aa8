"""Read the curve of a run: its validation accuracy over epochs, at t = 1 and on the path."""

from __future__ import annotations

from math import nan
from pathlib import Path
from typing import Any

from homotopy_bench.core.files import DamagedFile
from homotopy_bench.tracking.record import read_metrics

Curve = dict[float, tuple[float, float]]
"""Epoch -> validation accuracy of the target network and of the network on the path; nan where none was recorded."""

LAST_EPOCH = 1e9
"""Epoch after which nobody trains."""


def read_curve(folder: Path) -> Curve:
    """Return the curve of the run in a folder; empty before its first evaluation.

    Raises:
        DamagedFile: If ``metrics.jsonl`` is damaged, or a line of it has no epoch, or an accuracy that is no fraction.
    """
    file = folder / "metrics.jsonl"
    curve: Curve = {}
    for number, line in enumerate(read_metrics(file), start=1):
        epoch: Any = line.get("epoch")
        if not _within(epoch, LAST_EPOCH):
            raise DamagedFile(file, f"is damaged at line {number}: no epoch")
        accuracies = [line.get(name) for name in ("val_acc_target", "val_acc_path")]
        if not all(accuracy is None or _within(accuracy, 1.0) for accuracy in accuracies):
            raise DamagedFile(file, f"is damaged at line {number}: an accuracy that is no fraction")
        target, path = (nan if accuracy is None else accuracy for accuracy in accuracies)
        curve[epoch] = target, path
    return curve


def _within(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most
