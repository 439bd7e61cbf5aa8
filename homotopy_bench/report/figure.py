"""Draw a report: accuracy over epochs, the target network and the network on the path apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from homotopy_bench.core.files import DamagedFile
from homotopy_bench.core.method_colours import method_colour
from homotopy_bench.core.numerals import is_number
from homotopy_bench.core.pictures import fit_y, plain_label, rendered, whole_x
from homotopy_bench.report.curves import read_curve
from homotopy_bench.report.layout import heading
from homotopy_bench.report.structure import Report, Row, Section

PANEL = (6.4, 3.6)
"""Width and least height of a panel, in inches."""

LEFT, GAP, RIGHT, BELOW, ABOVE = 0.9, 0.15, 0.15, 0.6, 0.4
"""Inches around a panel, and between it and its legend."""

MARKERS = "osD^vP*X<>"
"""Marks of the variants of a method after its first, which has none; later ones are hollow, then half filled."""

FILLS = ("full", "none", "left")

MARKS = 8
"""About how many marks a line has."""

LONGEST = 64
"""Most characters of a row's name."""

MOST_ROWS = 120
"""Most rows of a panel: the best ones."""

COLUMN = 40
"""Most names in a column of a legend."""

BAND = 0.15
"""Opacity of the bands of a method, together."""

LEAST = 0.02
"""Smallest range of accuracies that is drawn over the whole height."""


def draw_report(report: Report, suffix: str = ".png") -> bytes:
    """Return a picture with one panel per section: validation accuracy of every row over epochs.

    A row has the colour of its method; the variants of a method have different marks. The solid line is that of the
    target network, t = 1, whatever the method trains at that moment: the mean over the seeds that have an accuracy
    there, in a band from the worst seed to the best; the dotted line is the network on the path, where it is another
    one. The metrics are read from the folders of the rows, without those that are damaged; the picture is the content
    of a file with this ending.
    """
    return rendered(draw_sections(report.sections), suffix)


def draw_sections(sections: tuple[Section, ...]) -> Figure:
    """Return the picture of some sections: a panel each, as high as its legend, which stands beside it."""
    figure = Figure()
    FigureCanvasAgg(figure)  # measures the legends
    panels = figure.subplots(max(len(sections), 1), 1, squeeze=False)[:, 0]
    legends: list[Legend | None] = [None] * len(panels)
    for index, (axes, section) in enumerate(zip(panels, sections, strict=False)):
        legends[index] = _draw_section(axes, section)
    extents = [legend.get_window_extent() if legend else Bbox.unit() for legend in legends]
    heights = [max(PANEL[1], extent.height / figure.dpi) for extent in extents]
    if not sections:
        panels[0].text(0.5, 0.5, "no finished run", ha="center", transform=panels[0].transAxes)
    width = LEFT + PANEL[0] + GAP + max(extent.width for extent in extents) / figure.dpi + RIGHT
    total = sum(ABOVE + height + BELOW for height in heights)
    figure.set_size_inches(width, total)
    top = total
    for axes, legend, height in zip(panels, legends, heights, strict=True):
        top -= ABOVE + height
        axes.set_position((LEFT / width, top / total, PANEL[0] / width, height / total))
        if legend is not None:
            legend.set_bbox_to_anchor((1.0 + GAP / PANEL[0], 1.0), transform=axes.transAxes)
        top -= BELOW
    return figure


def _draw_section(axes: Axes, section: Section) -> Legend | None:
    """Return the legend of the rows of a section, after drawing them; None where there are no rows."""
    rows = section.rows[:MOST_ROWS]
    variants = Counter(row.method for row in rows)
    values: list[float] = []
    handles: list[Line2D] = []
    for number, (row, name, style) in enumerate(zip(rows, _names(rows), _styles(rows), strict=True)):
        epochs, at_target, at_t = _curves(row)
        # Over the runs that have an accuracy: one that diverged early takes no curve from the others.
        target, on_path = np.ma.masked_invalid(at_target), np.ma.masked_invalid(at_t)
        reach = int(target[:, -1].count()) if len(epochs) else 0
        if not len(epochs):
            handles.append(Line2D([], [], linestyle="none", label=f"{name} (no curve)"))
            continue
        colour = method_colour(row.method)
        every = max(len(epochs) // MARKS, 1)
        mark: dict[str, Any] = style | {"markevery": (number % every, every)}
        if len(epochs) == 1:  # a line of one point cannot be seen, nor a band
            mark = {"marker": "o"} | style
            axes.vlines(epochs, target.min(axis=0), target.max(axis=0), color=colour)
        label = name if reach == row.runs else f"{name} ({reach} of {row.runs} runs at its end)"
        handles += axes.plot(
            epochs, target.mean(axis=0), color=colour, linewidth=1.6, markersize=5, label=label, **mark
        )
        opacity = BAND / variants[row.method]
        axes.fill_between(epochs, target.min(axis=0), target.max(axis=0), color=colour, alpha=opacity, linewidth=0)
        values.extend(target.compressed())
        if not np.array_equal(at_target, at_t, equal_nan=True):
            if len(epochs) == 1:
                mark |= {"fillstyle": "none"}
            axes.plot(epochs, on_path.mean(axis=0), color=colour, linestyle=":", markersize=3, **mark)
            values.extend(np.ma.compressed(on_path.mean(axis=0)))
    axes.set(title=plain_label(heading(section), LONGEST), xlabel="epoch")
    axes.set_ylabel("validation accuracy")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(alpha=0.25)
    fit_y(axes, values, LEAST)
    whole_x(axes)
    if any(line not in handles for line in axes.get_lines()):
        handles.append(Line2D([], [], color="black", linestyle=":", label="dotted: network on the path, at t"))
    if len(section.rows) > len(rows):
        left = f"without {len(section.rows) - len(rows)} rows that are less accurate"
        handles.append(Line2D([], [], linestyle="none", label=left))
    columns = -(-len(handles) // COLUMN)
    return axes.legend(handles=handles, fontsize=8, loc="upper left", borderaxespad=0.0, ncols=columns)


def _styles(rows: Sequence[Row]) -> Iterator[dict[str, str]]:
    """Yield marker and filling of every row: none for the first variant of a method."""
    before: Counter[str] = Counter()
    for row in rows:
        index = before[row.method] - 1
        before[row.method] += 1
        fill = FILLS[index // len(MARKERS) % len(FILLS)]
        yield {} if index < 0 else {"marker": MARKERS[index % len(MARKERS)], "fillstyle": fill}


def _names(rows: Sequence[Row]) -> list[str]:
    """Return the names of the rows in one line each; where shortening makes two alike, with their numbers."""
    keys = {method: _keys([row for row in rows if row.method == method]) for method in {row.method for row in rows}}
    full = [
        (row.method, *(f"{key}={row.settings[key]}" for key in keys[row.method] if key in row.settings)) for row in rows
    ]
    names = [plain_label(" ".join(words), LONGEST) for words in full]
    twice = Counter(names)
    return [name if twice[name] == 1 else f"{name} (row {row})" for row, name in enumerate(names, start=1)]


def _keys(rows: Sequence[Row]) -> list[str]:
    """Return the keys that name the rows of a method: all, or as few as tell them apart where a name gets too long.

    Those whose values are numbers go first.
    """
    keys = sorted({key for row in rows for key in row.settings})
    if all(len(f"{row.method} {row.label}") <= LONGEST for row in rows):
        return keys
    words = [key for key in keys if any(not is_number(row.settings.get(key, "0")) for row in rows)]
    numbers = [key for key in keys if key not in words]
    for key in (*reversed(numbers), *reversed(words)):
        fewer = [other for other in keys if other != key]
        if _told_apart(rows, fewer) == _told_apart(rows, keys):
            keys = fewer
    return keys


def _told_apart(rows: Sequence[Row], keys: Sequence[str]) -> int:
    return len({tuple(row.settings.get(key) for key in keys) for row in rows})


def _curves(row: Row) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return epochs (E,), accuracies at t = 1 (runs, E) and on the path (runs, E); not a number where a run has none.

    A run whose metrics cannot be read, as the notes of its section say, or that has no evaluation is left out.
    """
    runs = []
    for path in row.paths:
        with suppress(OSError, DamagedFile):
            runs.append(read_curve(Path(path)))
    runs = [run for run in runs if run]
    epochs = sorted({epoch for run in runs for epoch in run})
    nothing = float("nan"), float("nan")
    values = np.array([[run.get(epoch, nothing) for epoch in epochs] for run in runs], dtype=np.float64).reshape(
        len(runs), len(epochs), 2
    )
    return np.array(epochs, dtype=np.float64), values[:, :, 0], values[:, :, 1]
