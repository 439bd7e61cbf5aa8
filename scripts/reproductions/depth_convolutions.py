"""Where a homotopy pays for convolutions: MNIST, 8 to 32 layers of 8 channels, no normalisation, a rate per depth.

1000 training, 200 validation and 1000 test images, as many of every class; 20 epochs, batch 50, the rest
as in the study of depth: AdamW, warm-up over a fifth of the steps and cosine decay, clipping at 1.
"""

from __future__ import annotations

from collections.abc import Mapping

from reproductions.depth import DECAY, HOMOTOPIES, at_depths
from reproductions.depth import SHARED as SCHEDULE
from reproductions.depth_picture import draw
from reproductions.search import Budget
from reproductions.study import Study

DEPTHS = (8, 16, 32)
SHARED = (
    "dataset=mnist",
    "dataset.subset=1200",
    "dataset.validation_fraction=0.1667",
    "dataset.test_subset=1000",
    "model=cnn",
    "model.width=8",
    "model.init=delta_orthogonal",
    "training.epochs=20",
    "training.batch_size=50",
    *SCHEDULE,
)

ROWS: Mapping[str, tuple[str, ...]] = {
    "plain_delta_orthogonal": ("method=baseline", f"{DECAY}=0.1"),
    "plain_dirac": ("method=baseline", "model.block=dirac", f"{DECAY}=0.8"),
    **HOMOTOPIES,
}
"""Name -> how a network of any depth is trained: two plain ones, two homotopies."""

STUDY = Study(
    "Depth of convolutions: where a homotopy pays",
    at_depths("convolutions of 8 channels", DEPTHS, ROWS, SHARED),
    Budget(settings=6, finalists=2, seeds=2),
    seeds=5,
    draw=draw,
)
