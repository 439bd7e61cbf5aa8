"""Define what a training says of each member where it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from homotopy_bench.training.stability import Instability


@dataclass(frozen=True)
class Reading:
    """Hold the instruments of one member after a step.

    Attributes:
        lr: Learning rate of the last step; of one with several the mean over its layers.
        grad_norm: Euclidean norm of the last gradient before clipping; of copies the mean norm.
        instability: Loss spikes and the largest gradient norm since the reading before.
        train_loss: Mean batch loss, without penalties, since the reading before.
        diagnostics: What the record says of the path and of measured curvature.
        goes_back: Whether a path controller will roll the member back if its loss is not finite.
    """

    lr: float
    grad_norm: float
    train_loss: float
    instability: Instability
    diagnostics: dict[str, Any]
    goes_back: bool
