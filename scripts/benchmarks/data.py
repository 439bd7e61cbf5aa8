"""The input pipeline of CIFAR-10 with crops and mirror images: ours against a DataLoader with per-image transforms.

The work is one epoch over the training images in batches of 128 on one thread, without a network. Ours is what a
training step does: one index_select, crop_flip on the whole batch, the labels. The DataLoader is what a tutorial
writes, with the steps of torchvision's transforms: a data set of published bytes that pads, crops, mirrors, scales to
[0, 1] and normalises each image, shuffled, without workers. A second instance of ours is the A/A control. Without the
files of CIFAR-10, random images of the same shape take their place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from benchmarks.interleaved import interleave
from homotopy_bench.config.compose import compose
from homotopy_bench.core.random_streams import permutation
from homotopy_bench.data.augmentation import crop_flip, crop_flip_draws
from homotopy_bench.data.cifar10 import FILES
from homotopy_bench.data.published import missing

IMAGES = 10_000
BATCH = 128
MEAN = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
DEVIATION = torch.tensor([0.2470, 0.2435, 0.2616]).view(3, 1, 1)


def run(rounds: int) -> dict[str, float]:
    """Measure and return the figures.

    Args:
        rounds: Timed rounds.

    Returns:
        ``vs_dataloader`` (our images per second divided by theirs, above 1 is faster), ``a_a_control``, and the images
        per second of both.
    """
    torch.set_num_threads(1)
    pixels, labels = _published()
    contenders = {
        "ours": _ours(pixels, labels),
        "ours_again": _ours(pixels, labels),
        "dataloader": _dataloader(pixels, labels),
    }
    seconds = interleave(contenders, rounds)
    images = len(labels) // BATCH * BATCH
    return {
        "vs_dataloader": seconds["dataloader"] / seconds["ours"],
        "a_a_control": seconds["ours_again"] / seconds["ours"],
        "images_per_second_ours": images / seconds["ours"],
        "images_per_second_dataloader": images / seconds["dataloader"],
    }


def _published() -> tuple[Tensor, Tensor]:
    """Return images (N, 3, 32, 32) in [0, 1] and labels (N,)."""
    config = compose("dataset=cifar10", f"dataset.test_subset={IMAGES}")
    root = config.paths.data_root()
    if missing(root, FILES):
        generator = np.random.default_rng(0)
        x, y = generator.random((IMAGES, 3, 32, 32), np.float32), generator.integers(0, 10, IMAGES)
        return torch.from_numpy(x), torch.from_numpy(y)
    _, test, _ = config.dataset.read(root)
    return torch.from_numpy(test.x[:IMAGES]), torch.from_numpy(test.y[:IMAGES])


def _ours(pixels: Tensor, labels: Tensor) -> Callable[[], None]:
    x = (pixels - MEAN) / DEVIATION
    black = (-MEAN / DEVIATION).flatten()
    epoch = 0

    def work() -> None:
        nonlocal epoch
        order = permutation(len(labels), 0, epoch).unsqueeze(0)
        draws = crop_flip_draws(len(labels), 0, epoch).unsqueeze(0)
        for start in range(0, len(labels) - BATCH + 1, BATCH):
            chosen = order[:, start : start + BATCH]
            batch = x.index_select(0, chosen.flatten()).view(*chosen.shape, *x.shape[1:])
            crop_flip(batch, draws[:, start : start + BATCH], black)
            labels.index_select(0, chosen.flatten())
        epoch += 1

    return work


@dataclass(frozen=True)
class _PerImage(TorchDataset[tuple[Tensor, Tensor]]):
    """Transforms of one image at a time: RandomCrop, RandomHorizontalFlip, ToTensor, Normalize."""

    pixels: Tensor  # (N, 3, 32, 32), uint8
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        framed = functional.pad(self.pixels[index], (4, 4, 4, 4))
        dy, dx = torch.randint(0, 9, (2,)).tolist()
        image = framed[:, dy : dy + 32, dx : dx + 32]
        if torch.rand(1).item() < 0.5:
            image = image.flip(-1)
        return (image.float().div(255) - MEAN) / DEVIATION, self.labels[index]


def _dataloader(pixels: Tensor, labels: Tensor) -> Callable[[], None]:
    loader = DataLoader(
        _PerImage((pixels * 255).round().byte(), labels), batch_size=BATCH, shuffle=True, drop_last=True
    )

    def work() -> None:
        for _ in loader:
            pass

    return work
