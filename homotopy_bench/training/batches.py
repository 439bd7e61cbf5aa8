"""Draw the batches of an ensemble: for every row the samples that its seed puts at a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from homotopy_bench.core.random_streams import permutation
from homotopy_bench.data.base import Augmentation, Samples
from homotopy_bench.distributed.replicas import ALONE, Replicas
from homotopy_bench.hardware.transfer import sent


@dataclass(frozen=True)
class TensorSplit:
    """Hold samples on the device: inputs (N, *shape), labels (N,)."""

    x: Float[Tensor, N * input]
    y: Int[Tensor, " N"]

    @classmethod
    def on(cls, samples: Samples, device: torch.device, dtype: torch.dtype) -> TensorSplit:
        """Return samples on a device, the inputs in the given format."""
        x = torch.from_numpy(samples.x).to(device=device, dtype=dtype)
        return cls(x, torch.from_numpy(samples.y).to(device))


class Batches:
    """Draw the training samples in the orders of R rows, called with a step.

    A batch depends on the seed and the step alone.

    Args:
        split: The N training samples.
        batch_size: Samples B of a batch; an incomplete last batch of an epoch is left out.
        augmentation: How batches are changed; None for not at all.
        replicas: Those who share a batch: each draws b = B/w samples of it.
    """

    def __init__(
        self, split: TensorSplit, batch_size: int, augmentation: Augmentation | None, replicas: Replicas = ALONE
    ) -> None:
        self.x, self.y = split.x, split.y
        self.batch_size = batch_size
        self.per_epoch = len(self.y) // batch_size
        self._augmentation = augmentation
        self._replicas = replicas
        self._seeds: list[int] = []
        self._epoch = -1
        self._order = self._draws = torch.empty(0)

    def follow(self, seeds: Sequence[int]) -> None:
        """Draw for rows with these seeds from now on."""
        self._seeds, self._epoch = list(seeds), -1

    def __call__(self, k: int) -> tuple[Float[Tensor, "R b *input"], Int[Tensor, "R b"]]:
        """Return the inputs (R, b, *input) and labels (R, b) of step k."""
        epoch, position = divmod(k, self.per_epoch)
        own = self._replicas.share(self.batch_size)
        begin = position * self.batch_size
        return self._draw(epoch, slice(begin + own.start, begin + own.stop))

    def together(self, k: int, count: int) -> tuple[Float[Tensor, "R nb *input"], Int[Tensor, "R nb"]]:
        """Return inputs (R, n b, *input) and labels (R, n b) of step k and those after it.

        After the last batch of an epoch comes its first; ``count`` n is cut to the batches of an epoch.
        """
        epoch, position = divmod(k, self.per_epoch)
        size, all_ = min(count, self.per_epoch) * self.batch_size, self.per_epoch * self.batch_size
        columns = torch.arange(size, device=self.y.device)[self._replicas.share(size)]
        return self._draw(epoch, (columns + position * self.batch_size) % all_)

    def _draw(self, epoch: int, columns: slice | Tensor) -> tuple[Tensor, Tensor]:
        """Return the inputs and labels that stand in some places of the orders of an epoch."""
        if epoch != self._epoch:
            self._begin(epoch)
        chosen = self._order[:, columns]
        flat = chosen.flatten()
        x, y = self.x.index_select(0, flat), self.y.index_select(0, flat)
        x = x.view(*chosen.shape, *x.shape[1:])
        if self._augmentation is not None:
            x = self._augmentation.apply(x, self._draws[:, columns])
        return x, y.view(chosen.shape)

    def _begin(self, epoch: int) -> None:
        samples, self._epoch = len(self.y), epoch
        orders = {seed: permutation(samples, seed, epoch) for seed in self._seeds}
        self._order = sent(torch.stack([orders[seed] for seed in self._seeds]), self.y.device)
        if self._augmentation is not None:
            draws = {seed: self._augmentation.draws(samples, seed, epoch) for seed in self._seeds}
            self._draws = sent(torch.stack([draws[seed] for seed in self._seeds]), self.y.device)
