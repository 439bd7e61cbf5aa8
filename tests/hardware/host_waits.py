"""A device without values: training goes there, and whatever a CUDA step would wait for raises.

Device ``meta`` has shapes and formats, and no numbers: to look at a value, to copy to the host and to choose entries
by a mask are impossible there. What PyTorch does allow there although CUDA waits for it, copies from the host, and what
fails on CUDA, operators over two devices, is refused here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.library import Library
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from homotopy_bench.hardware.base import Hardware

META = torch.device("meta")

LOOKS = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "unique_dim", "_unique2")
"""Operators whose result, or its shape, the host must know."""

FROM_LISTS = (torch.tensor, torch.as_tensor, Tensor.new_tensor)
"""Functions that make a tensor of numbers on the host."""

INDEXING = (Tensor.__getitem__, Tensor.__setitem__)
"""Functions to which a list is a tensor on the host."""

FUSED = ("_fused_sgd_", "_fused_adam_", "_fused_adamw_")
"""Updates of torch.optim that have no form for device meta; they change tensors and return nothing."""


class HostWait(AssertionError):
    """Say where a CUDA step would wait for the host, or fail.

    No RuntimeError: training survives those where it estimates curvature.
    """


class Meta(Hardware):
    """Train where there are no values."""

    name: Literal["meta"] = "meta"

    def device(self) -> torch.device:
        """Return device meta."""
        return META


class _Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch does not annotate it
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        operator = func._schema.name.removeprefix("aten::")
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        on_host = [one for one in tensors if one.device.type == "cpu"]
        on_device = len(on_host) < len(tensors)
        target = kwargs.get("device")
        if on_device and (operator in LOOKS or _chooses_by_mask(operator, args)):
            raise HostWait(f"{operator} looks at a value")
        if on_device and target is not None and torch.device(target).type == "cpu":
            raise HostWait(f"{operator} copies to the host")
        if not kwargs.get("non_blocking") and not (operator == "copy_" and len(args) > 2 and args[2]):
            if operator == "copy_" and on_host and on_device:
                raise HostWait("copy_ copies between host and device")
            if operator in ("_to_copy", "scalar_tensor") and on_host and _is_meta(target):
                raise HostWait(f"{operator} copies from the host")
            # A single number of the host is an argument of a kernel; more than one must have been sent.
            if on_device and any(one.dim() for one in on_host):
                raise HostWait(f"{operator} mixes devices")
        return func(*args, **kwargs)


class _Functions(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in FROM_LISTS and result.device == META and not (args and args[0] is result):
            raise HostWait(f"{func.__name__} copies numbers of the host")
        if func in INDEXING and args[0].device == META:
            parts = args[1] if isinstance(args[1], tuple) else (args[1],)
            if any(isinstance(part, list | np.ndarray) for part in parts):
                raise HostWait(f"{func.__name__} copies indices of the host")
        return result


def _chooses_by_mask(operator: str, args: Sequence[Any]) -> bool:
    """Return whether entries are chosen where a mask holds: to set them to one number, their places are not needed."""
    masked = operator in ("index", "index_put_") and any(
        index is not None and index.dtype in (torch.bool, torch.uint8) for index in args[1]
    )
    return masked and (operator == "index" or args[2].numel() != 1)


def _is_meta(device: object) -> bool:
    return device is not None and torch.device(device).type == "meta"  # type: ignore[call-overload]  # of any kind


@contextmanager
def no_host_waits() -> Iterator[None]:
    """Raise a :class:`HostWait` inside the context where a CUDA device would be waited for."""
    with _Functions(), _Operators():  # type: ignore[no-untyped-call]
        yield


@pytest.fixture(scope="module")
def meta_runs() -> Iterator[None]:
    """Let PyTorch do on device meta what it does on accelerators: fused updates, and the question after autocast."""
    library = Library("aten", "IMPL", "Meta")  # type: ignore[no-untyped-call]
    for name in FUSED:
        library.impl(name, _nothing)  # type: ignore[no-untyped-call]
    asked = torch.is_autocast_enabled

    def is_autocast_enabled(device: str = "cuda") -> bool:
        return device != META.type and asked(device)

    with pytest.MonkeyPatch.context() as patch:
        module = sys.modules["torch.optim.optimizer"]  # the package deletes its own names of its modules
        patch.setattr(module, "_get_fused_kernels_supported_devices", lambda: [META.type])
        patch.setattr(torch, "is_autocast_enabled", is_autocast_enabled)
        yield
    library._destroy()  # type: ignore[no-untyped-call]


def _nothing(*args: Sequence[Tensor], **kwargs: object) -> None:
    return None
