"""List the metrics of single networks, and measure them for ordinary modules and arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Literal

from numpy.typing import ArrayLike
from torch import nn

from homotopy_bench.core.errors import InputError, nearest
from homotopy_bench.landscape.average_case import flatness
from homotopy_bench.landscape.keskar import EPSILONS, epsilon_sharpness
from homotopy_bench.landscape.measurement import Measurement
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.landscape.sam import asam, m_sharpness, published_scaling, sam
from homotopy_bench.landscape.samples import samples_of
from homotopy_bench.landscape.spectrum import FAST, layer_spectrum, spectrum

Closeness = Literal["fast", "full"]
"""``fast`` is for a look during training, ``full`` resolves the bulk of the spectrum and searches maxima."""

Metric = Callable[[Networks, Samples], dict[str, Measurement]]
"""Networks and samples -> one or more values by name."""

FAST_METRICS: Mapping[str, Metric] = {
    "spectrum": partial(spectrum, options=FAST),
    "sam": lambda networks, samples: {"sam": sam(networks, samples)},
    "asam": lambda networks, samples: {"asam": asam(networks, samples)},
    "flatness": partial(flatness, radii=(0.05, 0.1), pairs=3),
}
"""What ``fast`` measures."""

FULL_METRICS: Mapping[str, Metric] = {
    "spectrum": spectrum,
    "layers": layer_spectrum,
    "sam": lambda networks, samples: {"sam": sam(networks, samples)},
    "asam": lambda networks, samples: {
        "asam": asam(networks, samples),
        "asam_published": asam(networks, samples, scaling=published_scaling),
    },
    "m_sharpness": lambda networks, samples: {"m_sharpness": m_sharpness(networks, samples)},
    "flatness": flatness,
    "gaussian_flatness": partial(flatness, noise="gaussian"),
    "elementwise_flatness": partial(flatness, noise="elementwise"),
    "epsilon_sharpness": lambda networks, samples: {
        f"epsilon_sharpness_{epsilon:g}": epsilon_sharpness(networks, samples, epsilon=epsilon) for epsilon in EPSILONS
    },
}
"""What ``full`` measures; a metric that ``fast`` has too is measured more closely."""


def metrics_of(mode: Closeness) -> Mapping[str, Metric]:
    """Return the metrics of a mode, by name."""
    return FAST_METRICS if mode == "fast" else FULL_METRICS


def named_metrics(names: Iterable[str], mode: Closeness) -> Mapping[str, Metric]:
    """Return the metrics with some names, as a mode measures them; those that ``fast`` lacks as ``full`` does.

    Raises:
        InputError: If there is no such metric.
    """
    known = {**FULL_METRICS, **metrics_of(mode)}
    chosen = list(names)
    for name in chosen:
        if name not in known:
            accepted = f"accepted: {', '.join(known)}{nearest(name, list(known))}"
            raise InputError("--metrics", name, accepted)
    return {name: known[name] for name in chosen}


def measure(
    networks: Sequence[nn.Module],
    x: ArrayLike,
    y: ArrayLike,
    *,
    metrics: Iterable[str] | None = None,
    mode: Closeness = "fast",
    split: str = "train",
) -> dict[str, Measurement]:
    """Measure the landscape around modules of one architecture.

    Args:
        networks: Modules from inputs (B, *shape) to logits (B, classes); they are copied, and measured in evaluation
            mode.
        x: Inputs (N, *shape), an array or a tensor; integers are tokens.
        y: Labels (N,), integers from 0.
        metrics: Names of the metrics; None for all of the mode.
        mode: ``fast`` or ``full``.
        split: ``train`` or ``test``: what the samples are, for the record.

    Returns:
        Name of a value -> the values of all networks, with their errors, cost and convention.

    Raises:
        InputError: If there is no such metric.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> x, y = torch.randn(50, 3), torch.arange(50) % 2
        >>> found = measure([nn.Linear(3, 2), nn.Linear(3, 2)], x, y, metrics=["sam"])
        >>> list(found), found["sam"].value.shape, bool((found["sam"].value > 0.0).all())
        (['sam'], torch.Size([2]), True)
    """
    rows = Networks.of(networks)
    samples = samples_of(x, y, rows, split)
    chosen = metrics_of(mode) if metrics is None else named_metrics(metrics, mode)
    found: dict[str, Measurement] = {}
    for metric in chosen.values():
        found |= metric(rows, samples)
    return found
