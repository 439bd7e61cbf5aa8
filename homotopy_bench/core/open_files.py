"""Let a process have as many files open at once as its runs need, and one more to say that there are none left."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from homotopy_bench.core.errors import InputError

SPARE = 64
"""Open files beside the lock of every run: libraries, data, pictures, the process that tells the loggers."""


def allow_open_files(runs: int) -> None:
    """Raise the number of files that this process may have open, often 1024, to what many runs at once need.

    Args:
        runs: How many, each with a locked file.

    Raises:
        InputError: If the system does not allow it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or runs + SPARE <= soft:
        return
    if hard != resource.RLIM_INFINITY and runs + SPARE > hard:
        accepted = f"at most {max(hard - SPARE, 0)} while {hard} files may be open (ulimit -Hn)"
        raise InputError("--multirun", f"{runs} jobs", f"accepted: {accepted}, or hydra.sweeper.max_batch_size=N")
    resource.setrlimit(resource.RLIMIT_NOFILE, (runs + SPARE, hard))


_spare: list[int] = []
"""The kept handle; handles are counted for the process, which needs one for all its runs."""


def keep_spare_handle() -> None:
    """Keep a handle for :func:`spare_handle`, if there is none yet."""
    if not _spare:
        with suppress(OSError):
            _spare.append(os.open(os.devnull, os.O_RDONLY))


@contextmanager
def spare_handle() -> Iterator[None]:
    """Give up the kept handle, so that a file can be written where a process has no other left."""
    while _spare:
        os.close(_spare.pop())
    try:
        yield
    finally:
        keep_spare_handle()
