"""Define the base of hardware: a device, a number of host threads and a number format."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field

from homotopy_bench.core.options import Options

if TYPE_CHECKING:
    import torch


class Hardware(Options, ABC):
    """Options of a device.

    ``threads`` is the number of host threads of PyTorch's operators. ``dtype`` is the format of the parameters
    (float32, float64); with bfloat16 the parameters stay in float32 and matrix products are done in bfloat16.
    ``deterministic`` allows only operators that give the same bits in every run, and fails where there is none.
    ``channels_last`` keeps the channels of a pixel together in the images of a network that trains alone, which its
    convolutions may prefer; members that train together do not have it.
    """

    name: str
    threads: Annotated[int, Field(ge=1)] = 1
    dtype: str
    deterministic: bool = False
    channels_last: bool = False

    @abstractmethod
    def device(self) -> torch.device:
        """Return the device, or raise an InputError if this machine has none."""

    def on_this_machine(self) -> Hardware:
        """Return the hardware itself, or the one that it chooses on this machine."""
        return self

    def reason(self) -> str:
        """Return why this machine has this hardware chosen, in a line; empty where the user has named it."""
        return ""

    def processes(self) -> int:
        """Return in how many processes a run, or several, train together; an InputError if there are not so many."""
        return 1

    def parameter_dtype(self) -> torch.dtype:
        """Return the format of parameters, buffers and data."""
        import torch

        return torch.float64 if self.dtype == "float64" else torch.float32

    def autocast(self) -> contextlib.AbstractContextManager[None]:
        """Return the context in which forward passes run."""
        import torch

        if self.dtype == "bfloat16":
            return torch.autocast(self.device().type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def settings(self) -> Iterator[Self]:
        """Set what PyTorch keeps for the whole process while a run trains, and put it back afterwards.

        Yields:
            The hardware.
        """
        from homotopy_bench.hardware.determinism import deterministic

        with deterministic() if self.deterministic else contextlib.nullcontext():
            yield self

    def peak_memory_mb(self) -> float:
        """Return the largest amount of memory this process has held so far, in units of 10^6 bytes."""
        import resource
        import sys

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak * (1.0 if sys.platform == "darwin" else 1024.0) / 1e6  # bytes on macOS, KiB elsewhere

    def joules(self) -> float | None:
        """Return the energy that the device has used since some time before the run, or None where nothing says so."""
        return None

    def keep_memory(self) -> None:
        """Let the process keep the memory that a step frees for the next one, where the system would take it back."""

    def synchronize(self) -> None:
        """Wait until the device has done what it was given, so that a clock can be read."""
