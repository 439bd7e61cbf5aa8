"""List the metrics of single networks, and measure them for ordinary modules and arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from numpy.typing import ArrayLike
from torch import nn

from homotopy_bench.landscape.measurement import Measurement
from homotopy_bench.landscape.networks import Networks, Samples

Closeness = Literal["fast", "full"]
"""``fast`` is for a look during training, ``full`` resolves the bulk of the spectrum and searches maxima."""

Metric = Callable[[Networks, Samples, Closeness], dict[str, Measurement]]

METRICS: dict[str, Metric] = {}
"""Name of a metric -> function of networks, samples and closeness, with one or more values by name."""


def metrics_of(mode: Closeness) -> tuple[str, ...]:
    """Return the metrics that a mode has."""
    return tuple(METRICS)
