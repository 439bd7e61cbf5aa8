"""What holds of every picture: nothing is cut, and what is counted has whole numbers for ticks."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.transforms import BboxBase


def drawn(figure: Figure) -> Figure:
    """A picture whose layout is known."""
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    return figure


def is_within(inner: BboxBase | None, outer: BboxBase) -> bool:
    """Whether a box is inside another one, up to a pixel's rounding."""
    assert inner is not None
    (left, low, right, high), (first, bottom, last, top) = inner.extents, outer.extents
    return bool(left >= first - 0.5 and low >= bottom - 0.5 and right <= last + 0.5 and high <= top + 0.5)


def assert_nothing_is_cut(figure: Figure) -> None:
    """Panels with their labels and legends lie within the picture, and no legend lies on a panel."""
    for axes in figure.axes:
        assert is_within(axes.get_tightbbox(), figure.bbox), axes
    for legend in figure.findobj(Legend):
        assert isinstance(legend, Legend)
        assert is_within(legend.get_window_extent(), figure.bbox)
        for axes in figure.axes:
            assert not axes.bbox.overlaps(legend.get_window_extent())


def x_ticks(axes: Axes) -> list[float]:
    """The ticks that are seen."""
    low, high = axes.get_xlim()
    return [float(tick) for tick in axes.get_xticks() if low <= tick <= high]


def assert_whole(axes: Axes) -> None:
    ticks = x_ticks(axes)
    assert ticks
    assert all(tick.is_integer() for tick in ticks)


def assert_in_view(axes: Axes) -> None:
    """The data fill most of the height, and none is outside."""
    low, high = sorted(axes.get_ylim())
    data: Any = axes.dataLim
    assert low <= data.y0 <= data.y1 <= high


def colours(axes: Axes) -> set[str]:
    return {to_hex(line.get_color()) for line in axes.get_lines()}
