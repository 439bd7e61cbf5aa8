"""Decide which configurations can train together as one ensemble.

Members of an ensemble are rows of one matrix that take the same steps: the *program* is what they must agree in. It
has two halves. ``shared`` is the same for all. ``method`` is the path on which a member may leave the target network;
it is None for a member that never does, which can join any path, at its end t = 1. Configurations can train together
if and only if

    all their ``shared`` are equal, and so are all their ``method`` that are not None.

So a baseline can join any path on its own network, but two different paths cannot be joined by way of it. A method
whose path adds parameters of its own to the network changes the rows for all; its program is part of ``shared``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

Keys = tuple[tuple[str, Hashable], ...]
"""Dotted keys of a configuration with their values."""


@dataclass(frozen=True)
class Program:
    """Hold the keys in which the members of an ensemble agree; hashable.

    Attributes:
        shared: The keys of every member.
        method: The keys of the members on a path; None for one without.
    """

    shared: Keys
    method: Keys | None

    def differs_from(self, other: Program) -> list[str]:
        """Return the keys that keep two programs apart, each with its two values; none where they can be joined.

        Example:
            >>> baseline, linear = Program((("model.width", 8),), None), Program((("model.width", 8),), (("a", 1),))
            >>> baseline.differs_from(linear)
            []
            >>> linear.differs_from(Program((("model.width", 9),), (("a", 2),)))
            ['model.width (8, 9)', 'a (1, 2)']
        """
        ours, theirs = dict(self.shared), dict(other.shared)
        if self.method is not None and other.method is not None:
            ours |= dict(self.method)
            theirs |= dict(other.method)
        return [
            f"{key} ({_written(ours, key)}, {_written(theirs, key)})"
            for key in dict.fromkeys([*ours, *theirs])
            if _written(ours, key) != _written(theirs, key)
        ]


def check_one_program(programs: Iterable[Program]) -> None:
    """Check that members can train together.

    Args:
        programs: The members' programs, at least one.

    Raises:
        ValueError: If they cannot; names the keys.
    """
    first, *others = programs
    for other in others:
        if differences := first.differs_from(other):
            raise ValueError(f"members of one ensemble cannot differ in {', '.join(differences)}")
        first = first if first.method is not None else other


def _written(values: dict[str, Hashable], key: str) -> str:
    return str(values[key]) if key in values else "none"
