"""Turn every error into one line and an exit code."""

from __future__ import annotations

from collections.abc import Sequence

from homotopy_bench.config.override_errors import override_error
from homotopy_bench.core.errors import FAILURE, WRONG_INPUT, InputError
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
    if isinstance(error, OSError) and error.filename is not None:
        return _file(error, arguments), WRONG_INPUT
    return f"{type(error).__name__}: {' '.join(str(error).split())} (HYDRA_FULL_ERROR=1 shows where)", FAILURE


def _file(error: OSError, arguments: Sequence[str]) -> str:
    for argument in arguments:
        value = argument.partition("=")[2]
        if value and str(error.filename).startswith(value):
            return f"{argument}: {error.filename}: {error.strerror}; accepted: a folder that can be made and written"
    return f"{error.filename}: {error.strerror}"
