"""Run the command line and send this process a signal at a chosen moment.

Moments are counted in events, not in seconds, so that a failure repeats. ``MOMENT`` is an event and a count:

    line N                 the Nth time that a line of the package is about to run
    NAME N                 the Nth call of a function NAME of the package, or of Hydra's core
    FILE fsync N           the Nth time that FILE is being written; a kill leaves half of what was to be written
    FILE replace N         the Nth time that FILE is about to take its name
    FILE replaced N        the Nth time that FILE has just taken its name

``SIGNAL`` names the signal, SIGKILL by default; HANDLES leaves the process none for another file. A process that gets
to its end without the moment writes how often each event came to the file named by ``COUNTS``, and how many lines ran
``before`` the first training step.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType

import torch  # noqa: F401  # traced, its import alone would take seconds

counts: Counter[str] = Counter()
MOMENT, _, NUMBER = os.environ.get("MOMENT", "never 0").rpartition(" ")
LINES = MOMENT == "line" or "COUNTS" in os.environ
ASKED = os.environ.get("SIGNAL", "SIGKILL")
SIGNAL = None if ASKED == "HANDLES" else signal.Signals[ASKED]
if SIGNAL == signal.SIGINT:  # a shell that starts the tests in its background lets them ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def happened(event: str) -> None:
    counts[event] += 1
    if event == "advance" and counts[event] == 1:
        counts["before"] = counts["line"]
    if event == MOMENT and counts[event] == int(NUMBER):
        sys.settrace(None)
        if SIGNAL is None:
            use_up_handles()
        else:
            os.kill(os.getpid(), SIGNAL)


def use_up_handles() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    with suppress(OSError):
        while True:
            os.open(os.devnull, os.O_RDONLY)


class Trace:
    """Called at the beginning of every function, and for the lines of those that :meth:`lines` was returned for."""

    def __init__(self) -> None:
        self.places: dict[CodeType, str] = {}  # looked up millions of times

    def __call__(self, frame: FrameType, event: str, argument: object) -> object:
        code = frame.f_code
        place = self.places.get(code)
        if place is None:
            file = code.co_filename
            place = "package" if "homotopy_bench" in file else "hydra" if "hydra/core" in file else ""
            self.places[code] = place
        if place:
            happened(code.co_name)
        return self.lines if place == "package" and LINES else None

    def lines(self, frame: FrameType, event: str, argument: object) -> object:
        if event == "line":
            happened("line")
        return self.lines


def written() -> str | None:
    """The name of the file that is being written atomically, in whichever frame above that is."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "write_atomically":
            path: Path = frame.f_locals["path"]
            return path.name
        frame = frame.f_back
    return None


real_fsync, real_replace = os.fsync, os.replace


def fsync(file: int) -> None:
    event = f"{written()} fsync"
    if event == MOMENT and counts[event] + 1 == int(NUMBER) and SIGNAL == signal.SIGKILL:
        os.ftruncate(file, os.fstat(file).st_size // 2)
    happened(event)
    real_fsync(file)


def replace(source: Path, target: Path) -> None:
    happened(f"{written()} replace")
    real_replace(source, target)
    happened(f"{written()} replaced")


if __name__ == "__main__":
    os.fsync, os.replace = fsync, replace  # type: ignore[assignment]  # as the package calls them
    if " " not in MOMENT:  # tracing doubles the time of a short run, and writes are seen without it
        import torch._dynamo  # noqa: F401  # the first optimiser would import it: traced, for seconds

        sys.settrace(Trace())  # type: ignore[arg-type]  # typeshed wants a function
    from homotopy_bench.cli.train import main

    code = main()
    sys.settrace(None)
    if "COUNTS" in os.environ:
        Path(os.environ["COUNTS"]).write_text(json.dumps(counts))
    sys.exit(code)
