"""Build a small residual network of PyTorch's own modules (He et al. 2016, arXiv:1512.03385)."""

from __future__ import annotations

from torch import Tensor, nn


class Block(nn.Module):
    """y = relu(x + f(x)), f of two 3x3 convolutions with batch normalisation; a 1x1 convolution where shapes change."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(),
            nn.Conv2d(out, out, 3, padding=1, bias=False),
            nn.BatchNorm2d(out),
        )
        same = channels == out and stride == 1
        self.skip = nn.Identity() if same else nn.Conv2d(channels, out, 1, stride, bias=False)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the block."""
        output: Tensor = self.relu(self.skip(x) + self.branch(x))
        return output


def small_resnet(input_shape: tuple[int, ...], classes: int, width: int = 16, blocks: int = 2) -> nn.Module:
    """Return a residual network of two stages of ``blocks`` blocks, for images.

    ``width`` is the number of channels of the first stage.
    """
    parts: list[nn.Module] = [nn.Conv2d(input_shape[0], width, 3, padding=1, bias=False), nn.BatchNorm2d(width)]
    parts.append(nn.ReLU())
    channels = width
    for stage in range(2):
        for block in range(blocks):
            out = width * 2**stage
            parts.append(Block(channels, out, 2 if stage and not block else 1))
            channels = out
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
    return nn.Sequential(*parts, head)
