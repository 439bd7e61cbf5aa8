"""Join a process group, and ask the other ranks from rank 0.

Rank 0 runs the program: it has the configuration, the records and the display. The others wait for what it asks, do it,
and answer. So signals, pruning and whatever else decides about a run concern rank 0 alone.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch.distributed import Store, TCPStore  # type: ignore[attr-defined]  # torch names them elsewhere too

Backend = Literal["nccl", "gloo"]

PATIENCE = timedelta(days=7)
"""How long a rank waits for another: rank 0 may measure for hours. One that has died is noticed at once."""


def meet(host: str, port: int, world_size: int, *, holds: bool) -> TCPStore:
    """Return the store where the ranks of a group meet.

    Args:
        host: Where it is.
        port: Its port; 0 for one that is free, where this process holds it.
        world_size: Number of ranks.
        holds: Whether this process holds it.
    """
    return TCPStore(host, port, world_size, is_master=holds, timeout=PATIENCE, wait_for_workers=False)


def join(store: Store, rank: int, world_size: int, backend: Backend) -> None:
    """Make this process a rank of the default process group.

    Args:
        store: Where the ranks meet.
        rank: Its number, from 0.
        world_size: Number of ranks.
        backend: What adds up the tensors of a step; questions and answers always go from host to host.
    """
    both = "gloo" if backend == "gloo" else "cpu:gloo,cuda:nccl"
    dist.init_process_group(both, store=store, rank=rank, world_size=world_size, timeout=PATIENCE)


def as_backend(name: str) -> Backend:
    """Return the backend of a name."""
    return "nccl" if name == "nccl" else "gloo"


def joined() -> bool:
    """Return whether this process is a rank of the default process group."""
    return dist.is_initialized()


def leave() -> None:
    """Leave the default process group, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()
        gc.collect()  # what a cycle still holds of it would end with the interpreter, which its threads do not survive


END = 0
"""The number by which ranks are asked to end."""


def send(number: int, arguments: Sequence[object] | None) -> None:
    """Ask every other rank.

    Args:
        number: What is asked, as both sides count it.
        arguments: For each rank, from 0, what goes with it; None for nothing, which saves half of the time.
    """
    dist.broadcast(torch.tensor([number, arguments is not None]), 0)
    if arguments is not None:
        dist.scatter_object_list([None], list(arguments), 0)


def receive() -> tuple[int, Any]:
    """Return what rank 0 asks, and what goes with it, as a rank other than 0."""
    asked = torch.empty(2, dtype=torch.int64)
    dist.broadcast(asked, 0)
    number, more = asked.tolist()
    arguments: list[Any] = [None]
    if more:
        dist.scatter_object_list(arguments, None, 0)
    return number, arguments[0]


def answer(result: object) -> None:
    """Give rank 0 the result of what it asked."""
    dist.gather_object(result, None, 0)


def answers(own: object) -> list[Any]:
    """Return the results of all ranks, with that of rank 0 itself, which this is."""
    results: list[Any] = [None] * dist.get_world_size()
    dist.gather_object(own, results, 0)
    return results
