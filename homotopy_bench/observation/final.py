"""Measure the target network at the end of training."""

from __future__ import annotations

from typing import Literal

from homotopy_bench.observation.measuring import Measuring


class Final(Measuring):
    """Curvature and sharpness of the network that training ends with, on ``samples`` samples of each split."""

    name: Literal["final"] = "final"
