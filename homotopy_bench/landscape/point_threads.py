"""Work on points side by side, each on one thread of its own.

Threads that share one product of a narrow network wait for each other at every layer. Points need nothing of each
other: each thread takes one after another, and they meet at the end of a chunk alone.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import TracebackType
from typing import Self, TypeVar

import torch

T = TypeVar("T")


class PointThreads:
    """Hold as many threads as PyTorch uses, started when there is first work for all of them.

    Example:
        >>> with PointThreads() as threads:
        ...     threads.map(lambda point: point * point, 4)
        [0, 1, 4, 9]
    """

    def __init__(self) -> None:
        self._count = torch.get_num_threads()
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        """Return these threads."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the threads; after an error, what has not begun is dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map(self, work: Callable[[int], T], count: int) -> list[T]:
        """Return what the work gives for points 0 to count - 1; fewer points than threads share the threads.

        Args:
            work: Called on other threads, which have gradients enabled as any new thread.
            count: Number of points.
        """
        if self._count == 1 or count < self._count:
            return [work(k) for k in range(count)]
        if self._pool is None:
            self._pool = _started(self._count)
        return list(self._pool.map(work, range(count)))


def _started(count: int) -> ThreadPoolExecutor:
    """Return threads each of which does the work of an operation of PyTorch by itself."""
    ready = Barrier(count + 1)

    def begin() -> None:
        torch.get_num_threads()  # a thread that has not asked takes the number of all others at its first operation
        torch.set_num_threads(1)
        ready.wait()

    pool = ThreadPoolExecutor(count, initializer=begin)
    for _ in range(count):
        pool.submit(int)  # each starts a thread while the others wait
    ready.wait()
    torch.set_num_threads(count)  # it is also what threads to come begin with
    return pool
