"""Measure the available memory, and recognise errors for want of it."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from homotopy_bench.core.errors import RankLost

CGROUP = Path("/sys/fs/cgroup")
"""Where a container finds its own limits (control groups, version 2)."""


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory could not be had, on the host or on a device.

    Example:
        >>> out_of_memory(RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"))
        True
        >>> out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
        False
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        said in str(error) for said in ("can't allocate memory", "not enough memory", "out of memory")
    )


def fault_of(error: Exception) -> str:
    """Return whose fault an error is: ``machine`` for a full disk, too little memory or the like, else ``run``.

    A run that failed by its own fault fails again; one that the machine failed can be continued elsewhere or later.

    Example:
        >>> fault_of(OSError(28, "No space left on device")), fault_of(ValueError("wrong"))
        ('machine', 'run')
    """
    return "machine" if isinstance(error, OSError | RankLost) or out_of_memory(error) else "run"


def available_memory(device: torch.device) -> int:
    """Return how many bytes this process can still have.

    Args:
        device: Where.

    Returns:
        Free memory of a device; of the host what the system can give without swapping, or the rest of the container's
        limit where that is less.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    rests = [_of_system()]
    try:
        limit, used = ((CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        if limit != "max":
            # What of files is cached counts as used, and is given up as soon as somebody needs it.
            stated = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
            rests.append(max(int(limit) - int(used) + int(stated.get("inactive_file", 0)), 0))
    except (OSError, ValueError):
        pass  # no such limits here
    return min(rests)


def _of_system() -> int:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux
    # What is in use cannot be asked for everywhere; half of all there is is a careful guess.
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
