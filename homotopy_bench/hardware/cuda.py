"""Train on an NVIDIA (or ROCm) accelerator."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, field_validator
from typing_extensions import override

from homotopy_bench.core.errors import InputError
from homotopy_bench.hardware.base import Hardware

if TYPE_CHECKING:
    import torch


class CUDA(Hardware):
    """Train on the accelerator with index ``index``.

    With ``dtype`` tf32 all numbers are float32, and matrix products and convolutions round their factors to 10 bits of
    mantissa; float32 does not.
    """

    name: Literal["cuda"] = "cuda"
    index: Annotated[int, Field(ge=0)] = 0
    dtype: Literal["float32", "tf32", "float64", "bfloat16"] = "bfloat16"

    @field_validator("dtype", mode="before")
    @classmethod
    def _no_float16(cls, value: object) -> object:
        if value == "float16":
            why = "its gradients need a loss scale for every member, which is not there"
            raise ValueError(f"{why}; accepted: float32, tf32, float64, bfloat16")
        return value

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

    @override
    @contextlib.contextmanager
    def settings(self) -> Iterator[Self]:
        """Set how float32 is multiplied, beside what the base sets.

        Yields:
            The hardware.
        """
        import torch

        cudnn: Any = torch.backends.cudnn  # torch does not annotate its part for convolutions
        backends = (torch.backends.cuda.matmul, cudnn.conv)
        before = [backend.fp32_precision for backend in backends]
        with super().settings():
            try:
                for backend in backends:  # both, as PyTorch's own default is tf32 for convolutions alone
                    backend.fp32_precision = "tf32" if self.dtype == "tf32" else "ieee"
                yield self
            finally:
                for backend, precision in zip(backends, before, strict=True):
                    backend.fp32_precision = precision

    def peak_memory_mb(self) -> float:
        """Return the largest amount of device memory that tensors have held so far, in units of 10^6 bytes."""
        import torch

        return torch.cuda.max_memory_allocated(self.index) / 1e6

    def joules(self) -> float | None:
        """Return the energy that the device has used since its driver was loaded, with all that others do on it."""
        import torch

        from homotopy_bench.hardware.energy import total_joules

        return total_joules(f"GPU-{torch.cuda.get_device_properties(self.index).uuid}")

    def synchronize(self) -> None:
        """Wait for the device."""
        import torch

        torch.cuda.synchronize(self.index)
