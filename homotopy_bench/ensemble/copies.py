"""Copy what training changes: buffers, and the state of an optimiser (tensors, numbers, None, lists of tensors)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def copied(value: Any, device: torch.device | str | None = None) -> Any:
    """Return a copy that shares no tensor with the original.

    Args:
        value: A tensor, a dictionary or list of such values, or anything immutable.
        device: The device of the copy's tensors; None for that of the originals.

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
