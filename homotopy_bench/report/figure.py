"""Draw a report: accuracy over epochs, the target network and the network on the path apart."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from homotopy_bench.report.structure import Report, Row, Section
from homotopy_bench.tracking.record import read_metrics

MANY_ROWS = 10
"""From so many rows on, colours repeat with another line width."""


def draw_report(report: Report) -> bytes:
    """Return a picture with one panel per section: validation accuracy of every row over epochs.

    The solid line is the mean over the seeds of the target network, t = 1, whatever the method trains at that moment,
    in a band from the worst seed to the best; the dotted line is the network on the path, where it is another one.
    The metrics are read from the folders of the rows; the picture is the content of a PNG file.
    """
    sections = report.sections
    figure = Figure(figsize=(9.0, 4.6 * max(len(sections), 1)), layout="constrained")
    for axes, section in zip(figure.subplots(len(sections), 1, squeeze=False)[:, 0], sections, strict=True):
        _draw_section(axes, section)
        axes.set(title=f"{section.dataset}, {section.model}", xlabel="epoch", ylabel="validation accuracy")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(alpha=0.25)
        axes.set_ylim(bottom=0.0)
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()


def _draw_section(axes: Axes, section: Section) -> None:
    for index, row in enumerate(section.rows):
        colour, width = f"C{index % MANY_ROWS}", 1.6 + index // MANY_ROWS
        epochs, target, on_path = _curves(row)
        if not len(epochs):
            continue
        name = "\n".join([row.method, *row.label.split()])
        point = "o" if len(epochs) == 1 else None  # a line of one point cannot be seen
        axes.plot(epochs, target.mean(axis=0), color=colour, linewidth=width, marker=point, label=name)
        axes.fill_between(epochs, target.min(axis=0), target.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        if (target != on_path).any():
            label = f"{row.method}, on the path at t"
            axes.plot(epochs, on_path.mean(axis=0), color=colour, linestyle=":", label=label)


def _curves(row: Row) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return epochs (E,), accuracies at t = 1 (runs, E) and on the path (runs, E), over the epochs all runs have."""
    runs = [
        {
            line["epoch"]: (line.get("val_acc_target"), line.get("val_acc_path"))
            for line in read_metrics(Path(path, "metrics.jsonl"))
        }
        for path in row.paths
    ]
    epochs = sorted(set.intersection(*(set(run) for run in runs))) if runs else []
    values = np.array([[run[epoch] for epoch in epochs] for run in runs], dtype=np.float64).reshape(len(runs), -1, 2)
    return np.array(epochs, dtype=np.float64), values[:, :, 0], values[:, :, 1]
