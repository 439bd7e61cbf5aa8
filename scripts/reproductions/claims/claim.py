"""A claim of a source, and what is found when it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from reproductions.claims.kept import Kept

Verdict = Literal["holds", "holds in part", "not shown", "refuted", "not testable here", "not measured yet"]


@dataclass(frozen=True)
class Finding:
    """Hold what was found: our figures in words, and the verdict."""

    ours: str
    verdict: Verdict


@dataclass(frozen=True)
class Claim:
    """Describe a claim.

    Attributes:
        words: What the source says.
        where: The section or table where it says it.
        theirs: Its figure.
        command: What measures it here; empty where nothing does.
        judge: From what is kept to the finding; raises :class:`~reproductions.claims.kept.NotMeasured`.
    """

    words: str
    where: str
    theirs: str
    command: str
    judge: Callable[[Kept], Finding]


@dataclass(frozen=True)
class Source:
    """Hold a source: its title, which file of the sources it is, and its claims."""

    title: str
    file: str
    claims: tuple[Claim, ...]


def untestable(words: str, where: str, theirs: str, why: str) -> Claim:
    """Return a claim that nothing here can decide."""
    return Claim(words, where, theirs, "", lambda _: Finding(why, "not testable here"))
