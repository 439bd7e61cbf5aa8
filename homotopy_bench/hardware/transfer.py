"""Send numbers from the host to a device without waiting for what the device is doing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def inputs_as(x: Tensor, dtype: torch.dtype, device: torch.device | str | None = None) -> Tensor:
    """Return the inputs of samples in a format, and tokens, which are integers, as they are.

    Args:
        x: Any shape.
        dtype: The format of numbers.
        device: Where they are to live; None for where they are.

    Example:
        >>> inputs_as(torch.ones(2), torch.float64).dtype, inputs_as(torch.arange(2), torch.float64).dtype
        (torch.float64, torch.int64)
    """
    return x.to(device=device or x.device, dtype=dtype if x.is_floating_point() else x.dtype)


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
