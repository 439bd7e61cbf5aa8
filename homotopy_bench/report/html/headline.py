"""Say in one sentence what the comparisons of a section come to."""

from __future__ import annotations

from homotopy_bench.report.cells import count, name
from homotopy_bench.report.structure import Section
from homotopy_bench.report.verdict import verdicts

MOST_NAMES = 3
"""Most rows that the sentence names."""


def headline(section: Section) -> str:
    """Return which rows beat the baseline, or that none does; of a single comparison, or of none, the verdict."""
    if section.baseline is None or len(section.comparisons) < 2:
        return verdicts(section)[0]
    other = f"baseline {section.baseline.label}".rstrip()
    winners = [name(one) for one in section.comparisons if one.beats]
    total = len(section.comparisons)
    if not winners:
        return f"None of {count(total, 'compared row')} beats {other}."
    rest = len(winners) - MOST_NAMES
    more = f" and {count(rest, 'more row')}" if rest > 0 else ""
    named = ", ".join(winners[:MOST_NAMES])
    losers = total - len(winners)
    others = f"; {'the other one does' if losers == 1 else f'the other {losers} do'} not" if losers else ""
    return f"{named}{more} {'beats' if len(winners) == 1 else 'beat'} {other}{others}."
