"""Judge a figure of a source against figures of several seeds here."""

from __future__ import annotations

from collections.abc import Sequence

from homotopy_bench.core import statistics
from reproductions.claims.claim import Finding, Verdict
from reproductions.claims.kept import percent, run_interval
from reproductions.source_study import PERCENT

TRAINS = 0.5
"""Test accuracy above which a network of ten classes counts as trained."""

REACH = 0.1
"""Share of a source's figure that the interval of our mean may reach to either side and still confirm it."""


def trained(values: Sequence[float]) -> int:
    """Return how many accuracies are those of networks that train at all."""
    return sum(value > TRAINS for value in values)


def one_run(values: Sequence[float], theirs: float) -> Verdict:
    """Judge a source's single run.

    Args:
        values: Our figures, by seed.
        theirs: The source's.

    Returns:
        That it holds where their figure is within the 95 % interval of our mean, and this reaches no more than
        :data:`REACH` of the figure to either side: a wide one has room for any. In part where it is only where one more
        run would lie; refuted beyond. Of one seed nothing is said.
    """
    if len(values) == 1:
        return "not measured yet"
    low, high = run_interval(values)
    if not low <= theirs <= high:
        return "refuted"
    mean = statistics.student_interval(values)
    if mean is None:
        return "holds"
    precise = mean.high - mean.low <= 2.0 * REACH * abs(theirs)
    return "holds" if precise and mean.low <= theirs <= mean.high else "holds in part"


def range_within(ours: tuple[float, float], theirs: tuple[float, float]) -> Verdict:
    """Judge a range of a source against one of ours, each its lower and upper end.

    Returns:
        That it holds where ours is inside theirs, in part where they overlap, and is refuted where they do not.
    """
    (low, high), (least, most) = ours, theirs
    if least <= low and high <= most:
        return "holds"
    return "holds in part" if low < most and least < high else "refuted"


def of_one_run(values: Sequence[float], theirs: float, more: str = "") -> Finding:
    """Judge the accuracy of a source's single run, as :func:`one_run` does.

    Args:
        values: Our accuracies, fractions, by seed.
        theirs: The source's.
        more: What is said besides.

    Returns:
        The finding.
    """
    low, high = run_interval(values)
    text = f"{percent(values, 2)} ({len(values)} seeds); one more run: {PERCENT * low:.1f} to {PERCENT * high:.1f} %"
    return Finding(f"{text}{more}", one_run(values, theirs))


def of_a_gain(ours: Sequence[float], reference: Sequence[float]) -> Finding:
    """Judge whether one row is ahead of another, in points over paired seeds.

    It holds where the 95 % interval of the difference is above 0, is refuted where it is below, and is not shown where
    it contains 0.

    Args:
        ours: Accuracies, fractions, by seed.
        reference: Those of the other row with the same seeds.

    Returns:
        The finding.
    """
    pairs = [PERCENT * (a - b) for a, b in zip(ours, reference, strict=True)]
    mean, interval = statistics.mean(pairs) or 0.0, statistics.student_interval(pairs)
    text = f"{percent(ours)} against {percent(reference)}: {mean:+.1f} points"
    if interval is None:
        return Finding(f"{text}, one seed", "not measured yet")
    text += f" [{interval.low:+.1f}, {interval.high:+.1f}]"
    return Finding(text, side(interval.low, interval.high))


def side(low: float, high: float) -> Verdict:
    """Judge by an interval whether a figure is above 0.

    Args:
        low: Lower end of the interval.
        high: Its upper end.

    Returns:
        That it holds where the interval is above 0, is refuted where it is below, and not shown where 0 is inside.
    """
    return "holds" if low > 0.0 else "refuted" if high < 0.0 else "not shown"


def joined(verdicts: Sequence[Verdict]) -> Verdict:
    """Judge what is claimed of several splits or rates.

    Args:
        verdicts: The verdict of each.

    Returns:
        The verdict where all agree; in part where it holds, or holds in part, in one of them; else not shown.
    """
    if len(set(verdicts)) == 1:
        return verdicts[0]
    return "holds in part" if {"holds", "holds in part"} & set(verdicts) else "not shown"


def within(values: Sequence[float], low: float, high: float) -> Verdict:
    """Judge a range of a source.

    Args:
        values: Our figures, by seed.
        low: Its lower end.
        high: Its upper end.

    Returns:
        That it holds where the mean is inside, in part where some run is, and is refuted where none is.
    """
    mean = sum(values) / len(values)
    if low <= mean <= high:
        return "holds"
    return "holds in part" if any(low <= value <= high for value in values) else "refuted"
