"""Small finished runs to measure."""

from __future__ import annotations

from pathlib import Path

from homotopy_bench import train
from tests.composing import compose

SMALL = ("model.depth=3", "model.width=8", "dataset.samples=300", "training.batch_size=60", "hardware.dtype=float64")


def finished(folder: Path, *overrides: str) -> Path:
    """Train a run of a few steps into a folder."""
    train(compose(*SMALL, "training.epochs=4", *overrides), folder)
    return folder
