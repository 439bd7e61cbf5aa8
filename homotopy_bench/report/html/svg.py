"""Draw in SVG: a figure with its text alternative, axes, lines of many points, and marks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from homotopy_bench.core.inert import shortened
from homotopy_bench.report.html.markup import Content, Markup, decimals, element, path_data
from homotopy_bench.report.html.scale import Scale

WIDTH = 480
"""Width of a figure in its own units; on a page it is as wide as there is room."""

LONGEST_LABEL = 66
"""Most characters of a name in a figure."""

SHAPES = ("circle", "square", "diamond", "triangle", "down", "cross")
"""Shapes of the marks of the variants of a method, so that colour is never alone."""

_TICK = 20.0
"""About half the width of the words of a tick."""

_CORNERS: dict[str, Sequence[tuple[float, float]]] = {
    "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    "diamond": ((0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)),
    "triangle": ((0, -1.15), (1.1, 0.85), (-1.1, 0.85)),
    "down": ((0, 1.15), (1.1, -0.85), (-1.1, -0.85)),
}


def figure(height: float, alternative: str, *content: Content, class_: str = "figure") -> Markup:
    """Return a figure of :data:`WIDTH` x ``height`` whose text alternative says what it shows."""
    return element(
        "svg", element("title", alternative), *content, class_=class_, viewBox=f"0 0 {WIDTH} {decimals(height)}",
        role="img", aria_label=alternative,
    )  # fmt: skip


def label(x: float, y: float, words: str, *, anchor: str = "start", class_: str | None = None) -> Markup:
    """Return a text whose baseline is at y."""
    return element("text", words, x=x, y=y, text_anchor=anchor, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, *, class_: str, colour: str | None = None) -> Markup:
    """Return a straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_, stroke=colour)


def mark(x: float, y: float, shape: str, colour: str, *, size: float = 4.0, hollow: bool = False) -> Markup:
    """Return a mark of one of the :data:`SHAPES`."""
    class_ = "mark hollow" if hollow else "mark"
    paint: dict[str, str] = {"stroke": colour} if hollow or shape == "cross" else {"fill": colour}
    if shape == "circle":
        return element("circle", cx=x, cy=y, r=size, class_=class_, **paint)
    if shape == "cross":
        return cross(x, y, colour, size=size)
    corners = " ".join(f"{decimals(x + size * dx)},{decimals(y + size * dy)}" for dx, dy in _CORNERS[shape])
    return element("path", d=path_data(f"M{corners}Z"), class_=class_, **paint)


def tipped(drawing: Markup, words: str) -> Markup:
    """Return a drawing that says these words under the pointer."""
    return element("g", element("title", words), drawing)


def cross(x: float, y: float, colour: str, *, size: float = 4.0) -> Markup:
    """Return two crossed strokes: a diverged run, or the last of the :data:`SHAPES`."""
    d = "".join(
        f"M{decimals(x - size)} {decimals(y - s * size)}L{decimals(x + size)} {decimals(y + s * size)}" for s in (1, -1)
    )
    return element("path", d=path_data(d), class_="stroke", stroke=colour)


def polyline(points: Sequence[tuple[float, float]], colour: str, class_: str) -> Markup:
    """Return a line through points, broken where a coordinate is not finite, in steps of half a unit."""
    words: list[str] = []
    last: tuple[int, int] | None = None
    for x, y in points:
        if not (math.isfinite(x) and math.isfinite(y)):
            last = None
            continue
        here = round(2 * x), round(2 * y)
        if last is None:
            words.append(f"M{here[0]} {here[1]}l0 0")
        elif here != last:
            dx, dy = here[0] - last[0], here[1] - last[1]
            words.append(f"l{dx} {dy}" if dy >= 0 else f"l{dx}{dy}")
        last = here
    return element("path", d=path_data(words), class_=class_, stroke=colour, transform="scale(.5)")


def area(corners: Sequence[tuple[float, float]], colour: str, class_: str) -> Markup:
    """Return a filled area with these corners."""
    words = " ".join(f"{decimals(x)},{decimals(y)}" for x, y in corners)
    return element("path", d=path_data(f"M{words}Z"), class_=class_, fill=colour, stroke=colour)


def x_axis(
    scale: Scale,
    top: float,
    bottom: float,
    words: Callable[[float], str],
    title: str,
    ticks: Sequence[float] | None = None,
) -> Markup:
    """Return ticks below a figure with lines through it, and the title of the axis.

    Args:
        scale: The scale of the axis.
        top: Upper end of the lines.
        bottom: Their lower end.
        words: Words of a tick.
        title: Title of the axis.
        ticks: Values of the ticks; by default those of the scale.
    """
    parts = []
    for value in scale.ticks() if ticks is None else ticks:
        x = scale(value)
        parts.append(line(x, top, x, bottom, class_="grid"))
        at_edge = x > WIDTH - _TICK  # where centred words would leave the figure
        parts.append(
            label(WIDTH - 2 if at_edge else x, bottom + 15, words(value), anchor="end" if at_edge else "middle")
        )
    middle = (scale.start + scale.stop) / 2
    return element("g", parts, label(middle, bottom + 32, title, anchor="middle"), class_="axis")


def y_axis(scale: Scale, left: float, right: float, words: Callable[[float], str], title: str) -> Markup:
    """Return ticks beside a figure with lines through it, and the title of the axis above them."""
    parts = []
    for value in scale.ticks():
        y = scale(value)
        parts.append(line(left, y, right, y, class_="grid"))
        parts.append(label(left - 6, y + 4, words(value), anchor="end"))
    return element("g", parts, label(4, scale.stop - 10, title), class_="axis")


def short(value: float) -> str:
    """Return a number of an axis: thousands and more with their letter.

    Example:
        >>> short(0.25), short(1500.0), short(2e6), short(0.0)
        ('0.25', '1.5k', '2M', '0')
    """
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def per_cent(value: float) -> str:
    """Return a fraction of an axis in per cent.

    Example:
        >>> per_cent(0.6), per_cent(0.125)
        ('60 %', '12.5 %')
    """
    return f"{100 * value:.4g} %"


def name_label(x: float, y: float, name: str) -> Markup:
    """Return the name of a row or a study; of a long one both ends, which tell it from others."""
    return label(x, y, shortened(name, LONGEST_LABEL), class_="name")


def row_group(content: Sequence[Content], *, tip: str, row: str | None, method: str) -> Markup:
    """Return drawings of one row or study as a group with a tip, which highlights and filters find."""
    return element("g", element("title", tip), *content, data_row=row, data_method=method, class_="row")


def legend_item(shape: str, colour: str, *words: Content, row: str | None = None, method: str) -> Markup:
    """Return an entry of the list below a figure: a mark as in the figure, and what it stands for."""
    sign = element("svg", mark(7, 7, shape, colour, size=5), viewBox="0 0 14 14", class_="sign", aria_hidden="true")
    return element("li", sign, " ", *words, data_row=row, data_method=method)
