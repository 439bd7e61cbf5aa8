"""Draw ``curves.png``: a run at a glance, target and path apart, and the curvature where it was measured."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homotopy_bench.core.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TARGET, PATH, TRAIN, RATE, CURVATURE = "#0b5394", "#e69138", "#666666", "#6aa84f", "#8e63b5"

WIDTH, SIDE, BELOW, ABOVE = 7.5, 0.95, 0.55, 0.4
"""Width of the picture and its margins, in inches."""


def draw_curves(lines: Sequence[Mapping[str, Any]], title: str, path: Path) -> None:
    """Draw accuracy, loss, and t with the learning rate over epochs; of measured curvature every estimate.

    Args:
        lines: Lines of ``metrics.jsonl``.
        title: What the picture shows.
        path: PNG file to write.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    def column(name: str) -> list[float]:
        values = (line.get(name) for line in lines)
        return [float("nan") if value is None else float(value) for value in values]

    epochs = column("epoch")
    measured = [line["curvature"] for line in lines if "curvature" in line]
    height = 10.4 if measured else 8.0
    figure = Figure(figsize=(WIDTH, height))
    panels = figure.subplots(4 if measured else 3, 1, sharex=True)
    # A layout engine would draw everything twice, and the pictures of a short sweep already take longer than it.
    left, right = SIDE / WIDTH, 1 - SIDE / WIDTH
    figure.subplots_adjust(left, BELOW / height, right, 1 - ABOVE / height, hspace=0.08)
    accuracy, loss, path_axes = panels[:3]
    accuracy.plot(epochs, column("val_acc_path"), color=PATH, label="network on the path, at t")
    accuracy.plot(epochs, column("val_acc_target"), color=TARGET, label="target network, t = 1")
    accuracy.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    accuracy.set(title=title, ylim=(0.0, 1.0), ylabel="validation accuracy")

    loss.plot(epochs, column("train_loss"), color=TRAIN, label="training, at t")
    loss.plot(epochs, column("val_loss_path"), color=PATH, label="validation, at t")
    loss.plot(epochs, column("val_loss_target"), color=TARGET, label="validation, t = 1")
    loss.set(yscale="log", ylabel="cross-entropy [nats]")

    path_axes.plot(epochs, column("t"), color=PATH, label="path parameter t")
    path_axes.set(ylim=(-0.05, 1.05), ylabel="t")
    panels[-1].set_xlabel("epoch")
    rate = path_axes.twinx()
    if measured:
        steps = lines[0]["step"] / lines[0]["epoch"]
        at = [step / steps for trace in measured for step in trace["step"]]
        rate.plot(at, _joined(measured, "lr"), color=RATE, label="learning rate")
        _draw_curvature(panels[3], at, measured)
    else:
        rate.plot(epochs, column("lr"), color=RATE, label="learning rate")
    rate.set(ylim=(0.0, None), ylabel="learning rate")
    for axes in (accuracy, loss):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.25)
    handles = [*path_axes.get_lines(), *rate.get_lines()]
    path_axes.legend(handles=handles, fontsize=8, loc="center right")
    path_axes.grid(alpha=0.25)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    write_atomically(path, content.getvalue())


def _joined(traces: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [float("nan") if value is None else value for trace in traces for value in trace[name]]


def _draw_curvature(axes: Axes, epochs: Sequence[float], traces: Sequence[Mapping[str, Any]]) -> None:
    """Draw |H| and kappa on logarithmic axes of their own."""
    kappa = axes.twinx()
    axes.plot(epochs, _joined(traces, "lambda_max"), color=CURVATURE, label="|H|")
    kappa.plot(epochs, _joined(traces, "kappa"), color=TRAIN, linewidth=0.8, label="kappa = |H|/|g|^2")
    for side, label in ((axes, "|H| of the batch loss"), (kappa, "kappa [1/nat]")):
        side.set_yscale("log", nonpositive="mask")
        side.set_ylabel(label)
    axes.legend(handles=[*axes.get_lines(), *kappa.get_lines()], fontsize=8, loc="upper right")
    axes.grid(alpha=0.25)
