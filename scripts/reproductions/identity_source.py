"""Identity homotopy and its plain network with the settings of their source (000).

The source's figures are test accuracies of single runs at t = 1 after the last epoch; it validates on the test split.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reproductions.search import Contender
from reproductions.source_study import Protocol, SourceStudy, highest, lines_of

HOMOTOPY, BASELINE = ("experiment=identity_homotopy_source",), ("experiment=identity_source_baseline",)
CANONICAL = "dataset.samples=5000"
EARLY = 5
"""Epochs after which learning is looked at for the first time."""

ROWS = {
    "10,000 samples, as in the source": (
        Contender("homotopy", HOMOTOPY, ()),
        Contender("baseline", BASELINE, ()),
        Contender("baseline_at_the_rate_of_homotopy", (*BASELINE, "optimizer.lr=3.26578e-3"), ()),
        Contender("homotopy_warmup_0.3", (*HOMOTOPY, "continuation.warmup_fraction=0.3", "continuation.stages=30"), ()),
        Contender("homotopy_warmup_0.6", (*HOMOTOPY, "continuation.warmup_fraction=0.6", "continuation.stages=60"), ()),
    ),
    "5000 samples, the canonical data": (
        Contender("homotopy_5000", (*HOMOTOPY, CANONICAL), ()),
        Contender("baseline_5000", (*BASELINE, CANONICAL), ()),
    ),
}

ABOUT = """32 layers of 64 units behind an input layer on MNIST-1D, Adam at a constant rate, batches of 256, 100
epochs, no clipping: `experiment=identity_homotopy_source` and `identity_source_baseline`. The rates are
those that the source's own 5 Optuna trials chose. Three things differ from its script: the start of the first and
the last layer (PyTorch's there, Kaiming here), the last batch of an epoch (64 samples there, left out here), and
the seeds.

*Best over epochs* is the largest test accuracy at t = 1 after any epoch. *On the path* is the largest at any t: a
maximum over epochs on the test split, of another network than the target one; it is no result."""


def figures(folder: Path, _: Mapping[str, Any]) -> Mapping[str, float]:
    """Return maxima over epochs, and loss and accuracy after a few of them."""
    lines = lines_of(folder)
    early = next(line for line in lines if line["epoch"] >= EARLY)
    found = {
        "best_acc": highest(lines, "val_acc_target"),
        "path_acc": highest(lines, "val_acc_path"),
        "early_loss": early["train_loss"],
        "early_acc": early["val_acc_target"],
    }
    return {name: value for name, value in found.items() if value is not None}


_PROTOCOL = Protocol(ROWS, 5, ABOUT)

STUDY = SourceStudy(
    name="identity_homotopy_source",
    title="The study that identity homotopy comes from",
    full=_PROTOCOL,
    fast=_PROTOCOL,
    figures=figures,
    shown={
        "best_acc": "best over epochs",
        "path_acc": "(on the path)",
        "early_loss": f"training loss, epoch {EARLY}",
        "early_acc": f"accuracy, epoch {EARLY}",
    },
)
