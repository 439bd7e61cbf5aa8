"""How much of a study is done, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class Refused(ValueError):
    """Say that an option of the command line has no meaning for a study; the message names what is accepted."""


@dataclass(frozen=True)
class Plan:
    """Say how much of a study is done, and where.

    Attributes:
        outputs: Where records are written.
        processes: Trainings side by side.
        fast: Whether the fast protocol, of studies that have one.
        settings: Settings that every search tries; None for those of the study.
        seeds: Runs of each row; None for those of the study.
        only: Rows; None for all.
        overrides: For every training.
    """

    outputs: Path
    processes: int = 1
    fast: bool = False
    settings: int | None = None
    seeds: int | None = None
    only: Sequence[str] | None = None
    overrides: tuple[str, ...] = ()

    def chosen(self, names: Sequence[str]) -> list[str]:
        """Return which of the rows are done, in their order.

        Raises:
            Refused: If one of ``only`` is no row.
        """
        for name in self.only or ():
            if name not in names:
                raise Refused(f"--only {name}: accepted: {', '.join(names) or 'nothing'}")
        return [name for name in names if self.only is None or name in self.only]
