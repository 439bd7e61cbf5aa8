"""Train in several processes, each on a device of its own, or with gloo on the host's processor."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator
from typing_extensions import override

from homotopy_bench.core.errors import InputError
from homotopy_bench.hardware.base import Hardware
from homotopy_bench.hardware.cpu import CPU
from homotopy_bench.hardware.cuda import CUDA
from homotopy_bench.hardware.launched import launched
from homotopy_bench.hardware.processors import check_count, usable_processors

if TYPE_CHECKING:
    import torch

Index = Annotated[int, Field(ge=0)]


class MultiGPU(Hardware):
    """Train on several devices: rows of an ensemble, or equal shares of every batch, on each.

    ``devices`` is ``all``, a number of devices, or their indices; under torchrun or srun every process has one. With
    ``backend=gloo`` each process computes on the processor, with ``threads`` threads. ``parallel=members`` divides the
    runs of one program; ``data`` divides batches, and needs a ``training.batch_size`` that is a multiple of the number
    of devices. null: members where there are as many as devices, else data. ``batch_statistics`` says whether BatchNorm
    takes its statistics from the whole batch (``synchronized``) or from the share of each device (``local``). ``dtype``
    null is the default of the devices: bfloat16 on GPUs, float32 on the processor.
    """

    name: Literal["multi_gpu"] = "multi_gpu"
    dtype: Literal["float32", "tf32", "float64", "bfloat16"] | None = None  # type: ignore[assignment]  # null: the devices' own
    devices: Literal["all"] | Annotated[int, Field(ge=1)] | Annotated[list[Index], Field(min_length=1)] = "all"
    backend: Literal["nccl", "gloo"] = "nccl"
    parallel: Literal["members", "data"] | None = None
    batch_statistics: Literal["synchronized", "local"] = "synchronized"

    @field_validator("backend")
    @classmethod
    def _formats(cls, value: str, info: ValidationInfo) -> str:
        if value == "gloo" and info.data.get("dtype") == "tf32":
            raise ValueError("a processor has no hardware.dtype=tf32; accepted: nccl, or another dtype")
        return value

    def device(self) -> torch.device:
        """Return the device of this process, which its place among those of the machine names.

        Raises:
            InputError: If this machine has not so many.
        """
        return self._own().device()

    def parameter_dtype(self) -> torch.dtype:
        """Return the format of parameters, buffers and data."""
        return self._own().parameter_dtype()

    def autocast(self) -> contextlib.AbstractContextManager[None]:
        """Return the context in which forward passes run."""
        return self._own().autocast()

    @override
    @contextlib.contextmanager
    def settings(self) -> Iterator[Self]:
        """Set what the device of this process sets.

        Yields:
            The hardware.
        """
        with self._own().settings():
            yield self

    def joules(self) -> float | None:
        """Return the energy that the device of rank 0 has used, which stands for all: that times their number."""
        used = self._own().joules()
        return None if used is None else used * self.processes()

    def peak_memory_mb(self) -> float:
        """Return the largest amount of memory this process has held so far, in units of 10^6 bytes."""
        return self._own().peak_memory_mb()

    def keep_memory(self) -> None:
        """Do as the device of this process does."""
        self._own().keep_memory()

    def synchronize(self) -> None:
        """Wait for the device of this process."""
        self._own().synchronize()

    def processes(self) -> int:
        """Return how many processes train together: those of a launcher, or those that this machine starts.

        Raises:
            InputError: If it has not so many devices.
        """
        place = launched()
        if place is not None:
            if self.devices not in ("all", place.world_size):
                accepted = f"a launcher has started {place.world_size} processes; accepted: all"
                raise InputError("hardware.devices", self.devices, accepted)
            return place.world_size
        if self.backend == "gloo":
            if isinstance(self.devices, list):
                why = "processors have no indices; accepted with hardware.backend=gloo: all, or an integer >= 1"
                raise InputError("hardware.devices", self.devices, why)
            count = self._asked(max(usable_processors() // self.threads, 1))
            check_count("hardware.devices", count * self.threads)
            return count
        import torch

        present = torch.cuda.device_count()
        if not present:
            why = f"PyTorch {torch.__version__} sees no CUDA device here; accepted: gloo, which uses the processor"
            raise InputError("hardware.backend", self.backend, why)
        largest = max(self.devices) + 1 if isinstance(self.devices, list) else self._asked(present)
        if largest > present:
            accepted = f"PyTorch {torch.__version__} sees {present} CUDA devices here; accepted: at most so many"
            raise InputError("hardware.devices", self.devices, accepted)
        return self._asked(present)

    def _asked(self, present: int) -> int:
        """Return how many devices are asked for, where some are present.

        Raises:
            InputError: If one is named twice.
        """
        if isinstance(self.devices, list):
            if len(set(self.devices)) < len(self.devices):
                raise InputError("hardware.devices", self.devices, "accepted: every device once")
            return len(self.devices)
        return present if self.devices == "all" else self.devices

    def _own(self) -> CPU | CUDA:
        """Return the device of this process."""
        shared = self.model_dump(include={"threads", "deterministic", "channels_last"})
        shared |= {} if self.dtype is None else {"dtype": self.dtype}
        if self.backend == "gloo":
            return CPU.model_validate(shared)
        place = launched()
        local = int(os.environ.get("LOCAL_RANK", "0")) if place is None else place.local_rank
        index = self.devices[local] if isinstance(self.devices, list) else local
        return CUDA.model_validate({**shared, "index": index})
