"""Run what a command does, and turn the way it ends into an exit code and at most one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from homotopy_bench.core.errors import FAILURE, INTERRUPTED, WRONG_INPUT, InputError
from homotopy_bench.core.masking import masked


def reader_has_left() -> int:
    """Return the exit code of a command whose output is no longer read, such as by ``head``; that is no error to tell.

    What is still in the buffer goes nowhere when the process ends.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILURE


def exit_code(command: str, action: Callable[[], int], words: Sequence[str], interrupted: str = "interrupted") -> int:
    """Return the exit code of a command.

    Args:
        command: Its name.
        action: What it does; returns the exit code.
        words: The arguments that an error may be about.
        interrupted: What Ctrl-C is answered with.
    """
    try:
        code = action()
        sys.stdout.flush()  # here, where it is known what to do if nobody reads it
        return code
    except BrokenPipeError:
        return reader_has_left()
    except InputError as error:
        line, code = str(error), WRONG_INPUT
    except KeyboardInterrupt:
        line, code = interrupted, INTERRUPTED
    except Exception as error:  # whatever it is, a command ends with one line
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        from homotopy_bench.cli.error_lines import explain  # imports Hydra, which the others do not need

        line, code = explain(error, words)
    print(f"{command}: {masked(line, words)}", file=sys.stderr, flush=True)
    return code
