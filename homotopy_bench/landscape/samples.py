"""Draw the samples to measure on."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike

from homotopy_bench.data.base import Samples as HostSamples
from homotopy_bench.data.base import Splits
from homotopy_bench.data.subset import balanced_subset, random_subset
from homotopy_bench.hardware.transfer import inputs_as
from homotopy_bench.landscape.networks import Networks, Samples


def samples_of(x: ArrayLike, y: ArrayLike, networks: Networks, split: str) -> Samples:
    """Return samples from arrays, where and in which format the networks take them.

    Args:
        x: Inputs (N, *shape); integers are tokens and stay what they are, all others and bytes are numbers.
        y: Labels (N,) or, of sequences, (N, T).
        networks: Who takes them.
        split: ``train`` or ``test``: what they are, for the record.
    """
    inputs, theta = torch.as_tensor(x), networks.theta
    numbers = inputs.to(theta.dtype) if inputs.dtype == torch.uint8 else inputs
    labels = torch.as_tensor(y).to(theta.device, torch.int64)
    return Samples(inputs_as(numbers, theta.dtype, theta.device), labels, split)


def draw_samples(
    splits: Splits, split: str, most: int | None, dtype: torch.dtype, device: torch.device | str = "cpu"
) -> Samples:
    """Return samples of a split to measure on: all, or equally many of every class at random (of sequences any).

    They are the same for all networks and seeds, and more of them include the fewer.

    Args:
        splits: The data.
        split: ``train``, ``validation`` or ``test``.
        most: Number of samples; None, or more than there are, for all.
        dtype: Format of the inputs.
        device: Where they live.
    """
    samples: HostSamples = getattr(splits, split)
    if most is not None and most < len(samples.y):
        chosen = balanced_subset(samples.y, most) if samples.y.ndim == 1 else random_subset(len(samples.y), most)
        samples = samples.take(chosen)
    return Samples(inputs_as(torch.from_numpy(samples.x), dtype, device), torch.from_numpy(samples.y).to(device), split)
