"""Set the number of host threads for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def host_threads(count: int) -> Iterator[None]:
    """Let PyTorch compute with ``count`` host threads, and put back afterwards what it had.

    Example:
        >>> before = torch.get_num_threads()
        >>> with host_threads(before + 1):
        ...     torch.get_num_threads() - before
        1
        >>> torch.get_num_threads() - before
        0
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
