"""Train the target network throughout, at learning rates that follow the measured curvature."""

from __future__ import annotations

from typing import ClassVar, Literal

from homotopy_bench.methods.base import Method


class CurvatureLR(Method):
    """No deformation: all that differs from the baseline is the choice ``lr_schedule=curvature``."""

    deforms: ClassVar[bool] = False
    name: Literal["curvature_lr"] = "curvature_lr"
