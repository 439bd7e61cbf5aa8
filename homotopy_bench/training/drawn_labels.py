"""Draw labels from the predictions of networks, by streams of their own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from homotopy_bench.core.random_streams import stream_seed
from homotopy_bench.distributed.replicas import Replicas
from homotopy_bench.hardware.transfer import sent


class DrawnLabels:
    """Draw one label a sample, or one a place of it, from softmax(z), called with logits and a step.

    What is drawn for a row depends on its seed, the step and its logits alone.

    Args:
        seeds: Seeds of the R rows.
        batch_size: Samples B of a batch.
        replicas: Those who share a batch: each draws for b = B/w samples of it.
    """

    def __init__(self, seeds: Sequence[int], batch_size: int, replicas: Replicas) -> None:
        self._seeds, self._batch_size, self._replicas = list(seeds), batch_size, replicas

    def __call__(self, logits: Float[Tensor, "R *places C"], k: int) -> Int[Tensor, R * places]:
        """Return labels (R, b) for logits z (R, b, C) of step k; of sequences (R, b, T) for (R, b, T, C)."""
        own = self._replicas.share(self._batch_size)
        points = torch.stack(
            [self._uniform(stream_seed(seed, "fisher", k), logits.shape[2:-1])[own] for seed in self._seeds]
        )
        # Eight bits of a cumulative share would leave out every fourth of 256 classes.
        precise = torch.promote_types(logits.dtype, torch.float32)
        shares = logits.detach().to(precise).softmax(dim=-1).cumsum(dim=-1)
        below = shares[..., :-1] < sent(points, logits.device).unsqueeze(-1)
        return below.sum(dim=-1)

    def _uniform(self, seed: int, places: Sequence[int]) -> Float[Tensor, B * places]:
        return torch.rand(self._batch_size, *places, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
