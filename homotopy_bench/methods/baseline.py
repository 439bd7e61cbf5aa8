"""Train the target network throughout: the baseline of every homotopy."""

from __future__ import annotations

from typing import ClassVar, Literal

from homotopy_bench.methods.base import Method


class Baseline(Method):
    """Train the target network from the start, without a deformation."""

    deforms: ClassVar[bool] = False
    name: Literal["baseline"] = "baseline"
