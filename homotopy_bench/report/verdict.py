"""Say in a sentence for each comparison whether the row beats the baseline, and by what numbers."""

from __future__ import annotations

from collections.abc import Sequence

from homotopy_bench.core import statistics
from homotopy_bench.report.cells import count, interval, name, percent, probability
from homotopy_bench.report.structure import BaselineChoice, Comparison, Section

_MOST_SEEDS = 6


def verdicts(section: Section) -> tuple[str, ...]:
    """Return a sentence for every comparison of a section, in the order of its rows; where there is none, why."""
    if section.baseline is not None and section.comparisons:
        return tuple(verdict(one, section.baseline) for one in section.comparisons)
    if section.no_baseline:
        methods = list(dict.fromkeys(row.method for row in section.rows))
        return (f"{', '.join(methods)} {'is' if len(methods) == 1 else 'are'} not compared: {section.no_baseline}.",)
    return ("Nothing is compared: every row here is a baseline.",)


def verdict(one: Comparison, choice: BaselineChoice) -> str:
    """Return the verdict on one row, its mean difference with the interval, the pairs, the cost and collapsed seeds."""
    other = f"baseline {choice.label}".rstrip()
    if not one.pairs:
        return f"{name(one)} is not compared with {other}: no seed in common."
    if not one.unequal_pairs:
        return f"{name(one)} equals {other} in {_all(one.pairs)}, {_cost(one.cost_ratio)}."
    bounds = "" if one.interval is None else f" {interval(one.interval, sign=True)}"
    difference = f"{percent(one.mean_difference, sign=True)} points{bounds}"
    facts = [difference, count(one.pairs, "pair"), _cost(one.cost_ratio)]
    return f"{name(one)} {_claim(one)} {other}: {', '.join(facts)}{_doubt(one)}{_collapsed(one)}."


def _claim(one: Comparison) -> str:
    if one.beats:
        return "beats"
    return "is not shown to beat" if _ahead(one) else "does not beat"


def _ahead(one: Comparison) -> bool:
    """Return whether the numbers lean to the row so far that only their number is short of a proof."""
    if one.interval is None:
        return (one.mean_difference or 0.0) > 0.0
    return one.interval.low > 0.0


def _doubt(one: Comparison) -> str:
    if one.beats or not _ahead(one):
        return ""
    if one.smallest_p is not None and one.smallest_p > statistics.ALPHA:
        return f"; {count(one.unequal_pairs, 'pair')} cannot give p <= {statistics.ALPHA:g}"
    return f"; p Holm {probability(one.p_holm)}"


def _all(pairs: int) -> str:
    return "the only pair" if pairs == 1 else f"all {pairs} pairs"


def _cost(ratio: float | None) -> str:
    if ratio is None:
        return "cost unknown"
    return "equal cost" if f"{ratio:.2f}" == "1.00" else f"{ratio:.2f} times the cost"


def _collapsed(one: Comparison) -> str:
    whose = [(one.collapsed_seeds, "its own"), (one.collapsed_baseline_seeds, "the baseline's")]
    said = [f"{owner} {_seeds(seeds)}" for seeds, owner in whose if seeds]
    return f"; collapsed: {' and '.join(said)}, which no interval covers" if said else ""


def _seeds(seeds: Sequence[int]) -> str:
    rest = len(seeds) - _MOST_SEEDS
    more = f" and {rest} more" if rest > 0 else ""
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds[:_MOST_SEEDS]))}{more}"
