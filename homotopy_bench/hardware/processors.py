"""Bound threads and processes by the processors of this machine."""

from __future__ import annotations

import os

from homotopy_bench.core.errors import InputError

PER_PROCESSOR = 16
"""Largest number of threads or processes per processor. One is best; beyond a few thousand the system has no more."""


def usable_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_count(key: str, count: int) -> None:
    """Check a number of threads or processes.

    Args:
        key: What gives it, for messages.
        count: The number.

    Raises:
        InputError: If no machine with these processors gains from so many, and many cannot start them.
    """
    processors = os.cpu_count() or 1
    most = PER_PROCESSOR * processors
    if count > most:
        raise InputError(
            key, count, f"accepted: at most {most}, {PER_PROCESSOR} for each of the {processors} processors"
        )
