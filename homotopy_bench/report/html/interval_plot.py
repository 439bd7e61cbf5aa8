"""Draw a mean with its interval and its seeds as dots, one row of a table at a time, on one scale."""

from __future__ import annotations

from collections.abc import Sequence

from homotopy_bench.core.statistics import Interval
from homotopy_bench.report.html import svg
from homotopy_bench.report.html.markup import Markup, element
from homotopy_bench.report.html.scale import Scale, scale

WIDTH, HEIGHT = 180.0, 22.0
"""Size of a plot within a cell, in pixels."""

LEAST = 0.01
"""Smallest range that is drawn over the whole width: one point."""


def plot_scale(values: Sequence[float], intervals: Sequence[Interval | None]) -> Scale:
    """Return the scale of a column of plots, over all values and intervals."""
    ends = [end for one in intervals if one is not None for end in (one.low, one.high)]
    return scale([*values, *ends], 4.0, WIDTH - 4.0, least=LEAST)


def header(x: Scale, words: str, unit: str) -> Markup:
    """Return the head of the column: its words above the ends of the scale, in hundredths of a unit."""
    ends = [element("span", f"{100 * end:.1f}{unit}") for end in (x.low, x.high)]
    return element("span", words, element("span", ends, class_="ends"))


def plot(
    x: Scale, mean: float | None, interval: Interval | None, seeds: Sequence[float], shape: str, colour: str, *,
    reference: float | None, alternative: str,
) -> Markup:  # fmt: skip
    """Return the plot of one row.

    Args:
        x: The scale of the column.
        mean: Large mark; None for none.
        interval: Line through the mark; None for none.
        seeds: Small dots.
        shape: Shape of the mark.
        colour: Colour of all.
        reference: Upright line; None for none.
        alternative: What the plot shows, in words.
    """
    middle = HEIGHT / 2
    parts = []
    if reference is not None and x.low <= reference <= x.high:
        parts.append(svg.line(x(reference), 0, x(reference), HEIGHT, class_="reference"))
    if interval is not None:
        parts.append(svg.line(x(interval.low), middle, x(interval.high), middle, class_="whisker", colour=colour))
    parts += [svg.mark(x(value), middle, "circle", colour, size=2.2, hollow=True) for value in seeds]
    if mean is not None:
        parts.append(svg.mark(x(mean), middle, shape, colour, size=4.5))
    return element(
        "svg", element("title", alternative), parts, class_="plot", width=WIDTH, height=HEIGHT,
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}", role="img", aria_label=alternative,
    )  # fmt: skip
