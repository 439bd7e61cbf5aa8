"""Move t when the loss allows it; the length of the path is then at most what ``reserve`` leaves."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Literal

from pydantic import Field

from homotopy_bench.continuation.base import Array, Continuation
from homotopy_bench.continuation.path_controller import PathController, Rules


class Adaptive(Continuation):
    """Follow the path by predictor and corrector; :mod:`homotopy_bench.continuation.path_controller` has its rules.

    ``reserve`` is the share of the training that is kept for t = 1: the path has arrived when it begins, whatever the
    loss does. ``check_fraction`` is the share of the training between two checks of the loss.
    """

    name: Literal["adaptive"] = "adaptive"
    reserve: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.3
    check_fraction: Annotated[float, Field(gt=0.0, le=0.1)] = 0.005
    first_step: Annotated[float, Field(gt=0.0, le=1.0)] = 0.02
    haste: Annotated[float, Field(ge=1.0)] = 1.0
    jump: Annotated[float, Field(gt=0.0)] = 0.5
    settle: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.02
    growth: Annotated[float, Field(ge=1.0)] = 1.5
    patience: Annotated[int, Field(ge=1)] = 2
    longest_wait: Annotated[int, Field(ge=1)] = 6

    def at(self, u: Array) -> Array:
        """Return what holds before the first check: 0 before the reserve begins, and 1 from then on."""
        import numpy as np

        return np.where(u >= 1.0 - self.reserve, 1.0, 0.0)

    def rules(self) -> Rules:
        """Return when the path controller moves."""
        return Rules(**self.model_dump(include={field.name for field in fields(Rules)}))

    def controller(self) -> PathController:
        """Return a path controller at t = 0."""
        return PathController(self.first_step)

    def check_every(self, steps: int) -> int:
        """Return the number of training steps between two checks, of ``steps`` in all."""
        return max(round(steps * self.check_fraction), 1)

    def checks(self, steps: int) -> int:
        """Return the number of checks until the path must have arrived."""
        return max(int(steps * (1.0 - self.reserve)) // self.check_every(steps), 1)
