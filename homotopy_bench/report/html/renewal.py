"""Let a page that is made anew again and again say so, and load itself again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from homotopy_bench.report.html.markup import Markup, element

SHORTEST = 1.0
"""Fewest seconds after which a page loads itself again."""


@dataclass(frozen=True)
class Renewal:
    """State every how many seconds a page is made anew, and when this one was; None where it is not to say that."""

    seconds: float
    made: datetime | None


def sentence(renewal: Renewal) -> Markup:
    """Return what a reader is told; the script of the page takes the seconds from it."""
    at = "" if renewal.made is None else f"; this one was made at {renewal.made:%Y-%m-%d %H:%M:%S %Z}"
    words = f"This page is made anew every {renewal.seconds:g} s while its command runs, and loads itself again{at}."
    return element("p", words, id="renewal", data_seconds=max(SHORTEST, renewal.seconds))


def refresh(renewal: Renewal) -> Markup:
    """Return what makes a browser without scripts load the page again, for its head."""
    seconds = math.ceil(max(SHORTEST, renewal.seconds))
    return element("noscript", element("meta", http_equiv="refresh", content=str(seconds)))
