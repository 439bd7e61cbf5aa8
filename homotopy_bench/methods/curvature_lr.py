"""Train the target network throughout, at learning rates that follow the measured curvature."""

from __future__ import annotations

from typing import ClassVar, Literal

from homotopy_bench.methods.base import Method


class CurvatureLR(Method):
    """Train as the baseline does, with learning rates from the curvature: ``lr_schedule=curvature``."""

    deforms: ClassVar[bool] = False
    name: Literal["curvature_lr"] = "curvature_lr"
