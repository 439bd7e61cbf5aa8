"""Let a process have as many files open at once as its runs need."""

from __future__ import annotations

import resource

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
