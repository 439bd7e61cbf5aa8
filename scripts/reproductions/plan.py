"""Say how much of a study is to be done, and where."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path


class Refused(ValueError):
    """Say that an option of the command line has no meaning for a study; the message names what is accepted."""


@dataclass(frozen=True)
class Plan:
    """Say how much of a study is to be done, and where.

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
        """Return which rows are to be trained, in their order.

        Raises:
            Refused: If one of ``only`` is no row.
        """
        for name in self.only or ():
            if name not in names:
                raise Refused(f"--only {name}: accepted: {', '.join(names) or 'nothing'}")
        return [name for name in names if self.only is None or name in self.only]

    def refuse_overrides(self, keys: Collection[str]) -> None:
        """Refuse overrides of keys that the rows of a study set themselves.

        Raises:
            Refused: If there is one.
        """
        for override in self.overrides:
            if override.lstrip("+~").partition("=")[0] in keys:
                raise Refused(f"{override}: rows of this study set this key themselves; accepted: any other override")

    def command(self, name: str, page: Path) -> str:
        """Return the command that makes a page of a study; where the page lies is named only below docs/results."""
        words = ["python scripts/reproduce.py", name, *self.overrides]
        words += [f"--{key} {value}" for key, value in (("settings", self.settings), ("seeds", self.seeds)) if value]
        if page.resolve().parts[-3:-1] == ("docs", "results"):
            words.append(f"--markdown docs/results/{page.name}")
        return " ".join(words)
