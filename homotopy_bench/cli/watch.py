"""Renew something again and again until Ctrl-C; a renewal that fails is a line, and the next one goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import sleep
from typing import NoReturn

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.inert import inert

LONGEST = 86400.0
"""Most seconds between two renewals: a day."""


def check_seconds(option: str, seconds: float) -> None:
    """Check how long to wait between renewals.

    Raises:
        InputError: If it is no time, or longer than a day.
    """
    if not 0.0 < seconds <= LONGEST:  # which nan is not either
        raise InputError(option, f"{seconds:g}", f"accepted: seconds > 0 and <= {LONGEST:g}")


def watch(renew: Callable[[], str], seconds: float, say: Callable[[str], object], words: Sequence[str]) -> NoReturn:
    """Renew, say what came of it where that is not what was said last, wait, and so on until the process is ended.

    Args:
        renew: Renews, and returns a line about it.
        seconds: From the end of a renewal to the beginning of the next one.
        say: Prints a line.
        words: The arguments of the command that an error may be about.

    Raises:
        KeyboardInterrupt: On Ctrl-C.
    """
    said = ""
    while True:
        try:
            line = renew()
        except Exception as error:  # of files that others are writing, or a disk that is full: it may pass
            line = f"not renewed, tried again every {seconds:g} s: {_worded(error, words)}"
        if line != said:
            say(inert(line))
            said = line
        sleep(seconds)


def _worded(error: Exception, words: Sequence[str]) -> str:
    if isinstance(error, InputError):
        return str(error)
    from homotopy_bench.cli.error_lines import explain  # imports Hydra

    return explain(error, words)[0]
