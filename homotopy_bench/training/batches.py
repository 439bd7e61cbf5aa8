"""Draw the batches of an ensemble: for every row the samples that its seed puts at a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from homotopy_bench.core.random_streams import permutation, stream_seed
from homotopy_bench.data.base import Augmentation, Samples
from homotopy_bench.data.windows import Windows
from homotopy_bench.distributed.replicas import ALONE, Replicas
from homotopy_bench.hardware.transfer import sent


@dataclass(frozen=True)
class TensorSplit:
    """Hold samples on the device: inputs (N, *shape), labels (N,)."""

    x: Shaped[Tensor, " N *input"]
    y: Int[Tensor, " N *places"]

    @classmethod
    def on(cls, samples: Samples, device: torch.device, dtype: torch.dtype) -> TensorSplit:
        """Return samples on a device, the inputs in the given format; of sequences a :class:`TokenSplit`."""
        if isinstance(samples, Windows):
            tokens = torch.from_numpy(samples.tokens).to(device)
            x, y = (torch.from_numpy(values).to(device) for values in (samples.x, samples.y))
            return TokenSplit(x, y, tokens)
        x = torch.from_numpy(samples.x).to(device=device, dtype=dtype)
        return cls(x, torch.from_numpy(samples.y).to(device))

    def order(self, seed: int, epoch: int) -> Int[Tensor, " N"]:
        """Return the places of the samples in the order in which a seed visits them in an epoch, on the host."""
        return permutation(len(self.y), seed, epoch)

    def at(self, places: Int[Tensor, "R b"]) -> tuple[Shaped[Tensor, "R b *input"], Int[Tensor, "R b *places"]]:
        """Return inputs and labels at some places of the orders."""
        flat = places.flatten()
        x, y = self.x.index_select(0, flat), self.y.index_select(0, flat)
        return x.view(*places.shape, *x.shape[1:]), y.view(*places.shape, *y.shape[1:])


@dataclass(frozen=True)
class TokenSplit(TensorSplit):
    """Hold a sequence of tokens (L,) on the device, and its windows x (N, T) with the tokens after each, y (N, T).

    An epoch visits N windows of T tokens in a random order. Where the first one begins is drawn anew for every seed and
    epoch, among the first T tokens, so that a window is hardly ever seen twice.
    """

    tokens: Int[Tensor, " L"]

    def order(self, seed: int, epoch: int) -> Int[Tensor, " N"]:
        """Return the tokens at which the windows begin that a seed visits in an epoch, on the host."""
        length = self.y.shape[1]
        windows = permutation(len(self.y), seed, epoch)
        begin = torch.randint(length, (), generator=torch.Generator().manual_seed(stream_seed(seed, "window", epoch)))
        return windows * length + begin

    def at(self, places: Int[Tensor, "R b"]) -> tuple[Int[Tensor, "R b T"], Int[Tensor, "R b T"]]:
        """Return the windows that begin at some tokens, and the tokens after theirs."""
        length = self.y.shape[1]
        inside = places.unsqueeze(-1) + torch.arange(length + 1, device=places.device)
        windows = self.tokens[inside].long()
        return windows[..., :-1], windows[..., 1:]


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
        self._split = split
        self.batch_size = batch_size
        self.per_epoch = len(split.y) // batch_size
        self._augmentation = augmentation
        self._replicas = replicas
        self._seeds: list[int] = []
        self._epoch = -1
        self._order = self._draws = torch.empty(0)

    def follow(self, seeds: Sequence[int]) -> None:
        """Draw for rows with these seeds from now on."""
        self._seeds, self._epoch = list(seeds), -1

    def __call__(self, k: int) -> tuple[Shaped[Tensor, "R b *input"], Int[Tensor, "R b *places"]]:
        """Return the inputs (R, b, *input) and labels (R, b) of step k."""
        epoch, position = divmod(k, self.per_epoch)
        own = self._replicas.share(self.batch_size)
        begin = position * self.batch_size
        return self._draw(epoch, slice(begin + own.start, begin + own.stop))

    def together(self, k: int, count: int) -> tuple[Shaped[Tensor, "R nb *input"], Int[Tensor, "R nb *places"]]:
        """Return inputs (R, n b, *input) and labels (R, n b) of step k and those after it.

        After the last batch of an epoch comes its first; ``count`` n is cut to the batches of an epoch.
        """
        epoch, position = divmod(k, self.per_epoch)
        size, all_ = min(count, self.per_epoch) * self.batch_size, self.per_epoch * self.batch_size
        columns = torch.arange(size, device=self._split.y.device)[self._replicas.share(size)]
        return self._draw(epoch, (columns + position * self.batch_size) % all_)

    def _draw(self, epoch: int, columns: slice | Tensor) -> tuple[Tensor, Tensor]:
        """Return the inputs and labels that stand in some places of the orders of an epoch."""
        if epoch != self._epoch:
            self._begin(epoch)
        x, y = self._split.at(self._order[:, columns])
        if self._augmentation is not None:
            x = self._augmentation.apply(x, self._draws[:, columns])
        return x, y

    def _begin(self, epoch: int) -> None:
        device, self._epoch = self._split.y.device, epoch
        orders = {seed: self._split.order(seed, epoch) for seed in self._seeds}
        self._order = sent(torch.stack([orders[seed] for seed in self._seeds]), device)
        if self._augmentation is not None:
            samples = len(self._split.y)
            draws = {seed: self._augmentation.draws(samples, seed, epoch) for seed in self._seeds}
            self._draws = sent(torch.stack([draws[seed] for seed in self._seeds]), device)
