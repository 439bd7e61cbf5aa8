"""Log to no tracker: the record on disk is all."""

from __future__ import annotations

from typing import Literal

from homotopy_bench.core.options import Options


class NoLogger(Options):
    """Send nothing anywhere; the run's folder holds everything."""

    name: Literal["none"] = "none"
