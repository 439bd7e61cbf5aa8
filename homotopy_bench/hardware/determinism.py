"""Let PyTorch compute the same bits in every run, on the processor and on CUDA devices."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""Environment variable of cuBLAS, which chooses its buffers by it when it is first used in a process."""

FIXED = ":4096:8"
"""Eight buffers of 4096 KiB, with which cuBLAS repeats its bits (docs.nvidia.com/cuda/cublas, "Results
reproducibility"); PyTorch refuses products on a device without it, or ":16:8"."""


@contextmanager
def deterministic() -> Iterator[None]:
    """Allow only operators whose results repeat bit for bit inside the context; others raise a RuntimeError there.

    Where the environment already names buffers of cuBLAS, they stay.
    """
    cudnn = torch.backends.cudnn
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    flags, given = (cudnn.deterministic, cudnn.benchmark), os.environ.get(WORKSPACE)
    os.environ.setdefault(WORKSPACE, FIXED)
    torch.use_deterministic_algorithms(True)
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        enabled, warn_only = before
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        cudnn.deterministic, cudnn.benchmark = flags
        if given is None:
            del os.environ[WORKSPACE]
