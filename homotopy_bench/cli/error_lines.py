"""Turn every error into one line and an exit code."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from homotopy_bench.config.override_errors import override_error
from homotopy_bench.core.errors import FAILURE, WRONG_INPUT, InputError, RankLost
from homotopy_bench.core.folders import FOLDER
from homotopy_bench.core.inert import inert
from homotopy_bench.core.masking import masked


def explain(error: Exception, arguments: Sequence[str]) -> tuple[str, int]:
    """Word an error of a run or of Hydra in one line without secrets.

    Args:
        error: What was raised.
        arguments: The command line, for the argument that an error belongs to.

    Returns:
        The line, and exit code 2 for an input that cannot be used or 1 for a failure.
    """
    line, code = _worded(error, arguments)
    return masked(line, arguments), code


def _worded(error: Exception, arguments: Sequence[str]) -> tuple[str, int]:
    worded = error if isinstance(error, InputError) else override_error(error, arguments)
    if worded is not None:
        return str(worded), WRONG_INPUT
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        where = f"{error.filename}: " if error.filename else ""
        return inert(f"{where}{error.strerror}; what was written before is kept"), FAILURE
    if isinstance(error, OSError) and error.filename is not None:
        return inert(_file(error, arguments)), WRONG_INPUT
    if isinstance(error, RankLost):
        return inert(str(error)), FAILURE
    return f"{type(error).__name__}: {inert(' '.join(str(error).split()))} (HYDRA_FULL_ERROR=1 shows where)", FAILURE


_OF_THE_MACHINE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),  # the disk is full, or what a user may have of it
    *(errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM),
)
"""Numbers of errors that no other argument would avoid."""

_READ = ("resume", "paths.data", "lr_schedule.run", "experiment", "--config-dir")
"""Arguments that name what is there; others name what is made."""


def _file(error: OSError, arguments: Sequence[str]) -> str:
    named = f"{error.strerror}; accepted: a file or folder that can be read"
    for argument in arguments:
        key, equals, value = argument.partition("=")
        value = value if equals else argument
        if value and value in str(error.filename):
            if equals and key.lstrip("+") not in _READ:
                named = f"{error.strerror}; {FOLDER}"
            return f"{argument}: {named}" if str(error.filename) == value else f"{argument}: {error.filename}: {named}"
    return f"{error.filename}: {named}"
