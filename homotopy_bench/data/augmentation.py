"""Random crops and mirror images of a batch, on the device and for all members at once.

Crops are taken from the image in a frame of black. The source convention (He et al. 2016, arXiv:1512.03385, section
4.2; ``RandomCrop(32, padding=4)``, ``RandomHorizontalFlip()``, then ``Normalize`` in torchvision) crops published
pixels and standardises afterwards. Here the data are standardised once and for all, so the frame has the standardised
value of black, and the result is the same.

Every member draws from a stream of its own, so that its images depend neither on the number of members nor on its
neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from homotopy_bench.core.random_streams import stream_seed
from homotopy_bench.data.base import Splits

PADDING = 4
OFFSETS = 2 * PADDING + 1
BLOCK = 16
"""Images cropped at a time on the host: their frames and indices stay in the cache."""


@dataclass(frozen=True)
class CropFlip:
    """Crop from a frame of 4 pixels and mirror with probability 1/2.

    Attributes:
        black: Value of the frame in each channel, shape (C,), on the device and in the format of the inputs.
    """

    black: Tensor

    @classmethod
    def on(cls, splits: Splits, device: torch.device, dtype: torch.dtype) -> CropFlip:
        """Return the augmentation of a data set.

        Args:
            splits: The data, images (N, C, H, W).
            device: Where the inputs live.
            dtype: Their format.

        Returns:
            The augmentation with the standardised value of black.
        """
        images = splits.train.x
        black = np.zeros(images.shape[1], images.dtype)
        if splits.standardization is not None:
            black = splits.standardization.black(images.dtype.type)
        return cls(torch.from_numpy(black).to(device, dtype))

    def draws(self, samples: int, seed: int, epoch: int) -> Tensor:
        """Return one member's draws for one epoch; see :func:`crop_flip_draws`."""
        return crop_flip_draws(samples, seed, epoch)

    def apply(self, x: Tensor, draws: Tensor) -> Tensor:
        """Return the changed batch; see :func:`crop_flip`."""
        return crop_flip(x, draws, self.black)


def crop_flip_draws(samples: int, seed: int, epoch: int) -> Tensor:
    """Draw offsets and mirrorings for the images that a member visits in one epoch.

    Args:
        samples: Number N of images visited.
        seed: The member's seed.
        epoch: Epoch, from 0.

    Returns:
        Integers (N, 3), int64, on the host: row i belongs to the image visited as number i of the epoch, and is
        [dy, dx, mirrored] with dy and dx uniform in 0, ..., 8 and mirrored uniform in {0, 1}.
    """
    generator = torch.Generator().manual_seed(stream_seed(seed, "crop_flip", epoch))
    # One draw for all three: an epoch's draws cost less than a batch.
    code = torch.randint(OFFSETS * OFFSETS * 2, (samples,), generator=generator)
    return torch.stack([code // (2 * OFFSETS), code // 2 % OFFSETS, code % 2], dim=1)


def crop_flip(x: Tensor, draws: Tensor, black: Tensor) -> Tensor:
    """Crop every image from its frame, then mirror it if so drawn.

    With P the image in a frame of 4 pixels, [H + 8, W + 8]:  y[i, j] = P[dy + i, dx + j], and
    y[i, j] = P[dy + i, dx + W - 1 - j] for a mirrored one. Offsets dy = dx = 4 leave an image where it is.

    Args:
        x: Images, shape (M, B, C, H, W).
        draws: Integers [dy, dx, mirrored], shape (M, B, 3), on the same device; offsets in 0, ..., 8.
        black: Value of the frame in each channel, shape (C,).

    Returns:
        New images, shape (M, B, C, H, W).

    Example:
        >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).view(1, 1, 1, 2, 2)
        >>> black = torch.tensor([-1.0])
        >>> crop_flip(x, torch.tensor([[[5, 4, 0]]]), black).squeeze().tolist()
        [[3.0, 4.0], [-1.0, -1.0]]
        >>> crop_flip(x, torch.tensor([[[4, 4, 1]]]), black).squeeze().tolist()
        [[2.0, 1.0], [4.0, 3.0]]
    """
    channels, height, width = x.shape[2:]
    images, drawn = x.reshape(-1, channels, height, width), draws.reshape(-1, 3).int()
    # An accelerator wants few, large kernels instead.
    block = min(BLOCK, len(images)) if x.device.type == "cpu" else len(images)
    frame = (block, channels, height + 2 * PADDING, width + 2 * PADDING)
    framed = black.view(1, -1, 1, 1).expand(frame).contiguous()
    inside = framed[:, :, PADDING : PADDING + height, PADDING : PADDING + width]

    # Where a pixel of the result lies in ``framed``: plane + row + column. int32 suffices and takes half the time.
    def multiples(count: int, step: int = 1) -> Tensor:
        return torch.arange(0, count * step, step, device=x.device, dtype=torch.int32)

    j = multiples(width)
    mirrored = drawn[:, 2:3].bool()
    columns = (drawn[:, 1:2] + torch.where(mirrored, width - 1 - j, j)).view(-1, 1, 1, width)
    rows = ((drawn[:, 0:1] + multiples(height)) * frame[3]).view(-1, 1, height, 1)
    planes = multiples(block * channels, frame[2] * frame[3]).view(block, channels, 1, 1)

    result = torch.empty(images.shape, device=x.device, dtype=x.dtype)
    blocks = (torch.split(values, block) for values in (images, rows, columns, result))
    for image, row, column, target in zip(*blocks, strict=True):
        inside[: len(image)] = image
        pixels = (planes[: len(image)] + row + column).flatten()
        torch.index_select(framed.view(-1), 0, pixels, out=target.view(-1))
    return result.view(x.shape)
