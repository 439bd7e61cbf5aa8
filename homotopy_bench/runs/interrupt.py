"""End a run cleanly at the next step after a first SIGINT or SIGTERM, and the process at once after a second one."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Take the signals as requests inside the context; outside it they do what they did before.

    Attributes:
        requested: Whether a signal has come.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[signal.Signals, Any] = {}
        self._outer_pipe = self._pipe = -1

    def __enter__(self) -> Interrupt:
        """Return itself, after taking over the signals; outside the main thread Python does not allow that."""
        if threading.current_thread() is threading.main_thread():
            self._previous = {name: signal.signal(name, self._handle) for name in SIGNALS}
            arrivals, self._pipe = os.pipe()
            os.set_blocking(self._pipe, False)
            self._outer_pipe = signal.set_wakeup_fd(self._pipe)
            threading.Thread(target=_end_at_the_second, args=(arrivals,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Give the signals back."""
        if self._previous:
            signal.set_wakeup_fd(self._outer_pipe)
            os.close(self._pipe)
        for name, handler in self._previous.items():
            signal.signal(name, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True


def _end_at_the_second(arrivals: int) -> None:
    """End the process when a second signal comes through the pipe; return when the pipe is closed.

    A handler must wait until the main thread is between two instructions of Python, and a long kernel lets it wait;
    a thread does not wait.
    """
    requests = 0
    while number := os.read(arrivals, 1):
        requests += number[0] in SIGNALS
        if requests > 1:
            os._exit(128 + number[0])
    os.close(arrivals)
