"""Say what is being done wherever nothing has been said for long, so that whoever waits sees that it goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")

EVERY = 15.0
"""Seconds without a line after which one is said."""


class Heartbeat:
    """Say what is being done, from a thread: a single step of many networks may take longer than a reader waits.

    Args:
        say: Prints a line.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._doing = ""
        self._last = time.monotonic()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def doing(self, what: str) -> None:
        """Take what is being done now; the first call begins the thread."""
        self._doing = what
        if self._thread is None:
            self._last = time.monotonic()
            self._thread = threading.Thread(target=self._beat, daemon=True)
            self._thread.start()

    def said(self) -> None:
        """Take notice of another line."""
        self._last = time.monotonic()

    def stop(self) -> None:
        """End the thread, if there is one."""
        if self._thread is not None:
            self._ended.set()
            self._thread.join()

    def __enter__(self) -> Heartbeat:
        """Return it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the thread."""
        self.stop()

    def _beat(self) -> None:
        while not self._ended.wait(max(self._last + EVERY - time.monotonic(), 0.0)):
            if time.monotonic() - self._last >= EVERY:
                self.said()
                self._say(self._doing)


def announced(things: Collection[T], done: str, say: Callable[[str], object]) -> Iterator[T]:
    """Yield things that are dealt with one after the other, and say now and then how many have been.

    Args:
        things: The things.
        done: What has been done to them, for instance ``"records begun"``.
        say: Prints a line.
    """
    with Heartbeat(say) as heart:
        for number, thing in enumerate(things):
            heart.doing(f"{number} of {len(things)} {done}")
            yield thing
