"""Measure nothing."""

from __future__ import annotations

from typing import Literal

from homotopy_bench.observation.base import Landscape


class Off(Landscape):
    """No measurement; ``homotopy-landscape`` measures a finished run."""

    name: Literal["off"] = "off"
