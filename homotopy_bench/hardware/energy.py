"""Read the energy that an NVIDIA device has used, where the package pynvml (nvidia-ml-py) is installed."""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from typing import Any


def total_joules(uuid: str) -> float | None:
    """Return the energy that a device has used since its driver was loaded, by whichever process, in joules.

    Args:
        uuid: The device, as NVML names it: ``GPU-`` and 32 hexadecimal digits in groups.

    Returns:
        The energy; None without pynvml, or for a device older than Volta, which does not count it.
    """
    nvml = _nvml()
    if nvml is None:
        return None
    try:
        return float(nvml.nvmlDeviceGetTotalEnergyConsumption(nvml.nvmlDeviceGetHandleByUUID(uuid))) / 1e3
    except nvml.NVMLError:
        return None


@cache
def _nvml() -> Any:
    """Return the initialised package, or None where there is none or it finds no driver."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of an older distribution of the same module
            nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # whatever is wrong with it: no run depends on it
        return None
    return nvml
