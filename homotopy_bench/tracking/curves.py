"""Draw ``curves.png``: a run at a glance, target and path apart; curvature and landscape where they were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.method_colours import method_colour
from homotopy_bench.core.pictures import fit_y, log_y, plain_label, rendered, whole_x

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

DARK, GREY = "#222222", "#888888"
"""Colours of what is no network: others belong to methods."""

WIDTH, LEFT, RIGHT, BELOW, ABOVE = 9.6, 0.95, 3.0, 0.55, 0.4
"""Width of the picture and its margins, in inches; the legends stand in the right one."""

BESIDE = 0.85
"""Inches between the panels and their legends, for the second axis."""

AROUND = {"lambda_max": ("lambda_max", None, "o"), "trace": ("trace", GREY, "s")}
"""Figures of the landscape that are drawn: label, colour (None: that of the method), mark."""

LEAST = 0.02
"""Smallest range of accuracies that is drawn over the whole height."""

LONGEST = 100
"""Most characters of the title that fit above the panels."""


def draw_curves(lines: Sequence[Mapping[str, Any]], title: str, method: str, path: Path) -> None:
    """Write the picture of a run.

    Args:
        lines: Lines of ``metrics.jsonl``.
        title: What the picture shows.
        method: Name of the method.
        path: PNG file to write.
    """
    write_atomically(path, rendered(draw_run(lines, title, method)))


def draw_run(lines: Sequence[Mapping[str, Any]], title: str, method: str) -> Figure:
    """Return accuracy, loss with its spikes, t with the learning rate, and gradient norms over epochs.

    Curvature and landscape follow where they were measured. The target network is a solid line in the colour of its
    method, the network on the path a dotted one. The arguments are those of :func:`draw_curves`.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    def column(name: str) -> list[float]:
        values = (line.get(name) for line in lines)
        return [float("nan") if value is None else float(value) for value in values]

    epochs, colour = column("epoch"), method_colour(method)
    measured = [line["curvature"] for line in lines if "curvature" in line]
    around = [line for line in lines if any(name in found for found in _around(line).values() for name in AROUND)]
    watched = any("max_grad_norm" in line for line in lines)
    number = 3 + watched + bool(measured) + bool(around)
    height = 8.0 + 2.4 * (number - 3)
    figure = Figure(figsize=(WIDTH, height))
    panels = figure.subplots(number, 1, sharex=True)
    # A layout engine would draw everything twice, and the pictures of a short sweep already take longer than it.
    figure.subplots_adjust(LEFT / WIDTH, BELOW / height, 1 - RIGHT / WIDTH, 1 - ABOVE / height, hspace=0.08)
    accuracy, loss, path_axes = panels[:3]

    def plot(axes: Axes, name: str, color: str, label: str, style: str = "-") -> None:
        values = column(name)
        point = "o" if sum(map(isfinite, values)) == 1 else None  # a line of one point cannot be seen
        fill: Literal["none", "full"] = "none" if style == ":" else "full"
        axes.plot(epochs, values, color=color, linestyle=style, marker=point, fillstyle=fill, label=label)

    plot(accuracy, "val_acc_target", colour, "target network, t = 1")
    plot(accuracy, "val_acc_path", colour, "network on the path, at t", ":")
    accuracy.yaxis.set_major_formatter(PercentFormatter(1.0))
    accuracy.set_ylabel("validation accuracy")
    accuracy.set_title(plain_label(title, LONGEST), loc="left", fontsize=10)
    fit_y(accuracy, [*column("val_acc_target"), *column("val_acc_path")], LEAST)

    plot(loss, "val_loss_target", colour, "validation, t = 1")
    plot(loss, "val_loss_path", colour, "validation, at t", ":")
    plot(loss, "train_loss", GREY, "training, at t")
    if spiked := [step for line in lines for step in line.get("loss_spike_steps", ())]:
        each = lines[0]["epoch"] / lines[0]["step"]
        # At the bottom of the panel, whatever the losses are.
        loss.plot(
            [step * each for step in spiked],
            [0.02] * len(spiked),
            "|",
            color=DARK,
            transform=loss.get_xaxis_transform(),
            label=f"loss spikes ({sum(line.get('loss_spikes', 0) for line in lines)})",
        )
    log_y(loss)
    loss.set_ylabel("cross-entropy [nats]")

    plot(path_axes, "t", colour, "path parameter t")
    path_axes.set(ylim=(-0.05, 1.05), ylabel="t")  # the whole path: t is the same in all pictures
    panels[-1].set_xlabel("epoch")
    rate = path_axes.twinx()
    if watched:
        norms = panels[3]
        plot(norms, "max_grad_norm", colour, "largest since the one before")
        plot(norms, "grad_norm", GREY, "of the last step", ":")
        log_y(norms)
        norms.set_ylabel("gradient norm")
        _legend(norms, norms.get_lines())
    if measured:
        steps = lines[0]["step"] / lines[0]["epoch"]
        at = [step / steps for trace in measured for step in trace["step"]]
        rate.plot(at, _joined(measured, "lr"), color=DARK, linestyle="--", label="learning rate")
        _draw_curvature(panels[3 + watched], at, measured)
    else:
        plot(rate, "lr", DARK, "learning rate", "--")
    rate.set(ylim=(0.0, None), ylabel="learning rate")
    if around:
        _draw_around(panels[-1], around, colour)
    whole_x(accuracy)  # which has every epoch; the x axis is shared
    for axes in (accuracy, loss):
        _legend(axes, axes.get_lines())
    _legend(path_axes, [*path_axes.get_lines(), *rate.get_lines()])
    return figure


def _around(line: Mapping[str, Any]) -> Mapping[str, Mapping[str, float | None]]:
    """Return split -> metric -> value of what was measured around the network at an evaluation."""
    found: Mapping[str, Mapping[str, float | None]] = line.get("landscape") or {}
    return found


def _draw_around(axes: Axes, lines: Sequence[Mapping[str, Any]], colour: str) -> None:
    """Draw the figures of the landscape: filled marks on training data, hollow ones on test data."""
    for name, (label, own, marker) in AROUND.items():
        for split, fill in (("train", "full"), ("test", "none")):
            values = [_around(line).get(split, {}).get(name) for line in lines]
            points = [(line["epoch"], value) for line, value in zip(lines, values, strict=True) if value is not None]
            if points:
                x, y = zip(*points, strict=True)
                shown = colour if own is None else own
                axes.plot(
                    x, y, color=shown, marker=marker, fillstyle=fill, linewidth=0.8, label=f"{label}, {split} data"
                )
    log_y(axes)
    axes.set_ylabel("curvature of the loss")
    _legend(axes, axes.get_lines())


def _legend(axes: Axes, handles: Sequence[Line2D]) -> None:
    """Put the legend right of a panel, and lines into its background."""
    beside = 1.0 + BESIDE / (WIDTH - LEFT - RIGHT)
    axes.legend(handles=handles, fontsize=8, loc="upper left", bbox_to_anchor=(beside, 1.0), borderaxespad=0.0)
    axes.grid(alpha=0.25)


def _joined(traces: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [float("nan") if value is None else value for trace in traces for value in trace[name]]


def _draw_curvature(axes: Axes, epochs: Sequence[float], traces: Sequence[Mapping[str, Any]]) -> None:
    """Draw |H| and kappa on logarithmic axes of their own."""
    kappa = axes.twinx()
    axes.plot(epochs, _joined(traces, "lambda_max"), color=DARK, label="|H|")
    kappa.plot(epochs, _joined(traces, "kappa"), color=GREY, linewidth=0.8, label="kappa = |H|/|g|^2")
    for side, label in ((axes, "|H| of the batch loss"), (kappa, "kappa [1/nat]")):
        log_y(side)
        side.set_ylabel(label)
    _legend(axes, [*axes.get_lines(), *kappa.get_lines()])
