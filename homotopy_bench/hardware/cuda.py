"""Train on an NVIDIA (or ROCm) accelerator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from homotopy_bench.core.errors import InputError
from homotopy_bench.hardware.base import Hardware

if TYPE_CHECKING:
    import torch


class CUDA(Hardware):
    """Train on the accelerator with index ``index``."""

    name: Literal["cuda"] = "cuda"
    index: Annotated[int, Field(ge=0)] = 0
    dtype: Literal["float32", "float64", "bfloat16"] = "bfloat16"

    def device(self) -> torch.device:
        """Return the accelerator.

        Raises:
            InputError: If this machine, or this build of PyTorch, has no accelerator with that index.
        """
        import torch

        count = torch.cuda.device_count()
        if self.index >= count:
            why = f"PyTorch {torch.__version__} sees {count} CUDA devices here; accepted: "
            raise InputError("hardware.index", self.index, why + ("hardware=cpu" if not count else f"0 to {count - 1}"))
        return torch.device("cuda", self.index)

    def peak_memory_mb(self) -> float:
        """Return the largest amount of device memory that tensors have held so far, in units of 10^6 bytes."""
        import torch

        return torch.cuda.max_memory_allocated(self.index) / 1e6

    def synchronize(self) -> None:
        """Wait for the device."""
        import torch

        torch.cuda.synchronize(self.index)
