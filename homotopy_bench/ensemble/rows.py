"""Map the rows of theta to the members that they belong to.

An ordinary member is one row. A member of a method that trains several coupled copies of the network has as many rows
as copies while it is on its path, t < 1, and one row at the target, t = 1. The rows of a member stand together, in the
order of the members.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Rows:
    """Index the rows of M members.

    Attributes:
        counts: Number of rows of each member.

    Example:
        >>> rows = Rows.at([0.5, 1.0, 0.0], copies=2)
        >>> rows.counts, rows.owners, rows.of(2)
        ((2, 1, 2), [0, 0, 1, 2, 2], slice(3, 5, None))
        >>> rows.grouped("abcde")
        [['a', 'b'], ['c'], ['d', 'e']]
    """

    counts: tuple[int, ...]

    @classmethod
    def at(cls, t: Iterable[float], copies: int) -> Rows:
        """Return the rows of members at path parameters t whose method trains so many copies on the path."""
        return cls(tuple(1 if value == 1.0 else copies for value in t))

    @cached_property
    def owners(self) -> list[int]:
        """The member of every row."""
        return [member for member, count in enumerate(self.counts) for _ in range(count)]

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(self.counts))

    def of(self, member: int) -> slice:
        """Return the rows of one member."""
        return slice(self._ends[member] - self.counts[member], self._ends[member])

    def grouped(self, values: Sequence[T]) -> list[list[T]]:
        """Return the values, one per row, as one list per member."""
        return [list(values[self.of(member)]) for member in range(len(self.counts))]

    def mean(self, values: Sequence[float]) -> list[float]:
        """Return the mean over each member's rows of a number per row; exactly the number where there is one row."""
        return [sum(own) / len(own) for own in self.grouped(values)]

    def merging_into(self, later: Rows) -> list[slice]:
        """Return for each row of ``later`` the slice of rows here that it is the mean of.

        Args:
            later: Rows of the same members; each has as many rows as here, or one.
        """
        groups: list[slice] = []
        for member, count in enumerate(later.counts):
            own = self.of(member)
            groups += [own] if count == 1 else [slice(row, row + 1) for row in range(own.start, own.stop)]
        return groups
