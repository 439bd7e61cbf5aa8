"""Copies of what training changes: the memory of an optimiser, buffers.

torch.optim keeps a dictionary per parameter: tensors of SGD, Adam and AdamW, and of L-BFGS also numbers, None and lists
of tensors.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def copied(value: Any, device: torch.device | str | None = None) -> Any:
    """Return a copy that shares no tensor with the original.

    Args:
        value: A tensor, a dictionary or list of such values, or anything that never changes.
        device: Where the tensors of the copy live; None for where the originals do.

    Returns:
        The same structure.

    Example:
        >>> state = {"step": 3, "history": [torch.ones(2), None]}
        >>> copy = copied(state)
        >>> _ = state["history"][0].zero_()
        >>> copy
        {'step': 3, 'history': [tensor([1., 1.]), None]}
    """
    if isinstance(value, Tensor):
        return value.to(device or value.device, copy=True)
    if isinstance(value, dict):
        return {name: copied(entry, device) for name, entry in value.items()}
    if isinstance(value, list):
        return [copied(entry, device) for entry in value]
    return value
