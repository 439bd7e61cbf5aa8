"""Define the one error a user can cause: an input that cannot be used.

Whatever is wrong with a configuration, a data file or a run folder ends as an :class:`InputError`, whose text is
one line naming the key, the value and what is accepted. The entry points print that line and exit with code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from homotopy_bench.core.inert import inert
from homotopy_bench.core.masking import masked

FAILURE = 1
"""Exit code of a process that failed for any other reason."""

WRONG_INPUT = 2
"""Exit code of a process whose input cannot be used."""

INTERRUPTED = 130
"""Exit code of a process ended by SIGINT: 128 + 2."""


class InputError(ValueError):
    """Report in one line an input of the user's that cannot be used.

    Example:
        >>> str(InputError("training.epochs", 0, "accepted: an integer >= 1"))
        'training.epochs=0: accepted: an integer >= 1'
    """

    def __init__(self, key: str, value: object, accepted: str) -> None:
        """Keep the three parts of the line.

        Args:
            key: Dotted name as the user writes it on the command line, or the path of a file.
            value: What was given.
            accepted: What would have been accepted, or what to do.
        """
        self.key = key
        self.value = value
        self.accepted = accepted
        super().__init__(key, value, accepted)

    def __str__(self) -> str:
        """Return ``key=value: accepted`` on one line, inert whoever wrote the value, secrets masked."""
        return inert(masked(" ".join(f"{self.key}={self.value}: {self.accepted}".split())))


class ArgumentError(InputError):
    """Report an argument of the command line, as it was written, that cannot be used.

    Example:
        >>> str(ArgumentError("~sead", "no such key; did you mean 'seed'?"))
        "~sead: no such key; did you mean 'seed'?"
    """

    def __init__(self, argument: str, accepted: str) -> None:
        """Keep the argument beside its parts.

        Args:
            argument: What was given.
            accepted: What would have been accepted, or what to do.
        """
        key, _, value = argument.partition("=")
        super().__init__(key.lstrip("+~"), value, accepted)
        self.argument = argument
        self.args = (argument, accepted)  # by which a copy in another process is made

    def __str__(self) -> str:
        """Return ``argument: accepted`` on one line, inert whoever wrote the argument, secrets masked."""
        return inert(masked(" ".join(f"{self.argument}: {self.accepted}".split())))


class RankLost(RuntimeError):
    """Report in one line that a process of several that train together has ended; the last checkpoints stand."""


def did_you_mean(name: str, where: str = "") -> str:
    """Return the end of a line that names what was meant, perhaps with the choice that has it.

    Example:
        >>> did_you_mean("model.kernel", "with model=cnn")
        "; did you mean 'model.kernel' with model=cnn?"
    """
    return f"; did you mean '{name}'{where and ' '}{where}?"


def nearest(name: str, valid: Iterable[str], cutoff: float = 0.5) -> str:
    """Return the end of a line that names the valid name nearest to a misspelt one.

    Args:
        name: What was written.
        valid: The names that exist.
        cutoff: The similarity, of at most 1, that it must have.

    Returns:
        ``"; did you mean 'x'?"``, or an empty string where nothing is close.

    Example:
        >>> nearest("sead", ["seed", "training.epochs"])
        "; did you mean 'seed'?"
    """
    matches = difflib.get_close_matches(name, list(valid), n=1, cutoff=cutoff)
    return did_you_mean(matches[0]) if matches else ""
