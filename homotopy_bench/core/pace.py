"""Say when a long piece of work should print a line, so that whoever waits sees that it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

T = TypeVar("T")

EVERY = 15.0
"""Most seconds without a line; a step or a record between two questions takes its time on top."""


class Pace:
    """Know when the last line was printed.

    Args:
        clock: Returns the present second.

    Example:
        >>> seconds = iter([0.0, 14.0, 15.0, 15.0, 29.0])
        >>> pace = Pace(lambda: next(seconds))
        >>> [pace.is_due() for _ in range(3)]
        [False, True, False]
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def is_due(self) -> bool:
        """Return whether it is time for a line, which is then counted as printed."""
        if self._clock() - self._last < EVERY:
            return False
        self.printed()
        return True

    def printed(self) -> None:
        """Take notice of a line."""
        self._last = self._clock()


def announced(things: Collection[T], done: str, say: Callable[[str], object], pace: Pace | None = None) -> Iterator[T]:
    """Yield things that are dealt with one after the other, and say now and then how many have been.

    Args:
        things: The things.
        done: What has been done to them, for instance ``"records begun"``.
        say: Prints a line.
        pace: When to say it; None for about every :data:`EVERY` seconds.
    """
    pace = pace or Pace()
    for number, thing in enumerate(things):
        if pace.is_due():
            say(f"{number} of {len(things)} {done}")
        yield thing
