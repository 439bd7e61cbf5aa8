"""Train on the host's processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from homotopy_bench.hardware.base import Hardware

if TYPE_CHECKING:
    import torch

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Numbers of two parameters of mallopt(3), from glibc's malloc.h."""

_LARGEST_INT, _HALF_A_HEAP = 2**31 - 1, 32 << 20


class CPU(Hardware):
    """Train on the host's processor, with ``threads`` threads.

    One thread is the default: a single deep narrow network gains nothing from a second (its operators take
    microseconds), and results repeat bit for bit only at the same number of threads.
    """

    name: Literal["cpu"] = "cpu"
    dtype: Literal["float32", "float64", "bfloat16"] = "float32"

    def device(self) -> torch.device:
        """Return the processor."""
        import torch

        return torch.device("cpu")

    def keep_memory(self) -> None:
        """Set the thresholds of glibc above which freed memory goes back to the system; elsewhere do nothing.

        The activations of an ensemble are tensors of megabytes. By default each can be given back when it is freed, and
        the next step then pays for every page of it again: up to a third of its time. Holds for the whole process.
        """
        import ctypes
        import sys

        if not sys.platform.startswith("linux"):
            return
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is None:  # other C libraries of Linux have no such function
            return
        # Older ones refuse more than half of a heap, and where only the other threshold is set keep a small one.
        if mallopt(_M_MMAP_THRESHOLD, _LARGEST_INT) or mallopt(_M_MMAP_THRESHOLD, _HALF_A_HEAP):
            mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT)
