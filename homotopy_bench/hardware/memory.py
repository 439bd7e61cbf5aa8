"""Measure the available memory, and recognise errors for want of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import torch

from homotopy_bench.core.errors import RankLost

CGROUP = Path("/sys/fs/cgroup")
"""Where limits of memory lie (control groups)."""

GROUPS = Path("/proc/self/cgroup")
"""The groups of this process, a line ``NUMBER:KINDS:PATH`` each; of version 2 ``0::PATH``."""


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
        Free memory of a device; of the host what the system can give without swapping, or the rest of the limit of a
        container, a job of a scheduler or another control group above this process, where that is less.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    return min([_of_system(), *_of_groups()])


def _of_groups() -> Iterator[int]:
    """Yield the rest of every limit of a control group that holds this process; none where there are no limits."""
    try:
        lines = GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []  # not Linux
    for kinds, path in (line.split(":", 2)[1:] for line in lines):
        if kinds == "":
            top, names = CGROUP, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in kinds.split(","):
            top, names = CGROUP / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        own = top / path.lstrip("/")
        # In a container the path may be that of the host, and the limit stands at the top.
        for folder in (own, *own.parents):
            if folder.is_relative_to(top):
                yield from _rest(folder, *names)


def _rest(folder: Path, limit: str, used: str, cached: str) -> Iterator[int]:
    """Yield the rest of the limit that a folder states, if it does."""
    try:
        most, now = ((folder / name).read_text().strip() for name in (limit, used))
        if most != "max":
            # What of files is cached counts as used, and is given up as soon as somebody needs it.
            stated = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            yield max(int(most) - int(now) + int(stated.get(cached, 0)), 0)
    except (OSError, ValueError):
        return


def _of_system() -> int:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux
    # What is in use cannot be asked for everywhere; half of all there is is a careful guess.
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
