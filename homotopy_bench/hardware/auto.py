"""Choose the hardware on the machine where a run trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from homotopy_bench.hardware.base import Hardware
from homotopy_bench.hardware.cpu import CPU
from homotopy_bench.hardware.cuda import CUDA

if TYPE_CHECKING:
    import torch


class Auto(Hardware):
    """Train on the first CUDA device where there is one, else on the host's processor.

    ``dtype`` null is the default of the hardware that is chosen. The record has the chosen hardware, and a run goes on
    with it.
    """

    name: Literal["auto"] = "auto"
    dtype: Literal["float32", "float64", "bfloat16"] | None = None  # type: ignore[assignment]  # of a choice to come

    def on_this_machine(self) -> Hardware:
        """Return the chosen hardware, with the options that were given."""
        import torch

        kind = CUDA if torch.cuda.device_count() else CPU
        given = self.model_dump(exclude={"name", "dtype"})
        return kind.model_validate(given if self.dtype is None else {**given, "dtype": self.dtype})

    def reason(self) -> str:
        """Return what PyTorch sees here."""
        import torch

        count = torch.cuda.device_count()
        if not count:
            return f"PyTorch {torch.__version__} sees no CUDA device here"
        return f"PyTorch sees {count} CUDA devices here, of which {torch.cuda.get_device_name(0)} is the first"

    def device(self) -> torch.device:
        """Return the device of the chosen hardware."""
        return self.on_this_machine().device()
