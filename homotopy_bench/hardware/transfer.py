"""Send numbers from the host to a device without waiting for what the device is doing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def sent(values: Tensor, device: torch.device) -> Tensor:
    """Return a tensor of the host on a device.

    CUDA copies from pinned memory alone without a wait: an ordinary copy begins when all work given to the device
    before it is done, and the host stands still until then.

    Args:
        values: Any shape, on the host.
        device: Where to.

    Example:
        >>> sent(torch.ones(2), torch.device("meta")).device
        device(type='meta')
    """
    if device.type == "cuda":
        values = values.pin_memory()
    # MPS may read the memory of the host after it has been given away.
    return values.to(device, non_blocking=device.type != "mps")


def sent_like(values: Sequence[float], like: Tensor) -> Tensor:
    """Return numbers of the host, shape (N,), on the device of a tensor and in its format; see :func:`sent`."""
    return sent(torch.tensor(values, dtype=like.dtype), like.device)
