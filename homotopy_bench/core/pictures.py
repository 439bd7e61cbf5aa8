"""Save pictures, and keep their axes and labels readable."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from homotopy_bench.core.inert import inert, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
"""Endings of the files that a picture can be written to."""

UNDATED: dict[str, dict[str, Any]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""Ending -> metadata that leave out the time, so that equal pictures are equal files."""

MOST_PIXELS = 60000
"""Most pixels of a side: matplotlib draws up to 2^16."""

MARGIN = 0.05
"""Part of the data's range that stays free above and below."""


def rendered(figure: Figure, suffix: str = ".png", dpi: float = 110) -> bytes:
    """Return the content of a file with one of the endings :data:`SUFFIXES`."""
    from matplotlib import rc_context

    content = io.BytesIO()
    dpi = min(dpi, MOST_PIXELS / max(figure.get_size_inches()))
    with rc_context({"svg.hashsalt": "homotopy-bench"}):
        figure.savefig(content, format=suffix.removeprefix("."), dpi=dpi, metadata=UNDATED[suffix])
    return content.getvalue()


def whole_x(axes: Axes) -> None:
    """Put the ticks of the x axis at whole numbers alone, for what is counted; a single one stands in the middle."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    low, high = axes.xaxis.get_data_interval()
    if math.isfinite(low) and low == high:
        axes.set_xlim(low - 0.5, high + 0.5)


def fit_y(axes: Axes, values: Iterable[float], least: float) -> None:
    """Set the ends of the y axis to the range of the finite values, or wider where they span less than ``least``."""
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        low, high = min(finite), max(finite)
        lacking = max(least - (high - low), 0.0) / 2
        margin = MARGIN * max(high - low, least)
        axes.set_ylim(low - lacking - margin, high + lacking + margin)


def log_y(axes: Axes) -> None:
    """Make the y axis logarithmic, without the values that are not positive; where none is, it stays linear."""
    import numpy as np

    if any(np.any(np.asarray(line.get_ydata(), dtype=np.float64) > 0.0) for line in axes.get_lines()):
        from matplotlib.ticker import LogFormatter

        class Plain(LogFormatter):
            """Choose the ticks that have labels as matplotlib does, and write them as plain numbers."""

            @override
            def __call__(self, x: float, pos: int | None = None) -> str:
                return f"{x:g}" if super().__call__(x, pos) else ""

        axes.set_yscale("log", nonpositive="mask")
        axes.yaxis.set_major_formatter(Plain())
        axes.yaxis.set_minor_formatter(Plain(minor_thresholds=(2.0, 0.5)))  # few decades have few powers of ten


def plain_label(text: str, most: int) -> str:
    r"""Return a text for a picture: at most ``most`` characters, all of which its font has, and no mathematics.

    Example:
        >>> plain_label("lr $x^$ 中", 20)
        'lr \\$x^\\$ \\u4e2d'
    """
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties()))
    text = "".join(one if font.get_char_index(ord(one)) else ascii(one)[1:-1] for one in inert(text))
    # A legend leaves out what begins with an underscore.
    return shortened(f" {text}" if text.startswith("_") else text, most).replace("$", r"\$")
