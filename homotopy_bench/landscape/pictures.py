"""Draw slices, paths between networks, trajectories and spectral densities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from homotopy_bench.core.pictures import log_y, plain_label
from homotopy_bench.curvature.density import Quadrature, smoothed_density
from homotopy_bench.landscape.slices import Slice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST = 90
"""Most characters of a title."""

DECADES = 1.5
"""Decades of the loss beyond which colours are logarithmic."""

COMMON = np.linspace(0.0, 1.0, 61)
"""Positions of medians over pairs."""

LEVELS = 12
"""Contour lines."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#222222")
"""Colours that most people can tell apart (Okabe and Ito 2008)."""


def heat_map(found: Slice, title: str, labels: Sequence[str] = ("", ""), path: bool = False) -> Figure:
    """Return the loss on a plane as colours with contour lines, and the networks in it as points.

    Args:
        found: A slice of two dimensions.
        title: What it shows.
        labels: Labels of the axes.
        path: Whether the marks are a trajectory, which a line joins.
    """
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.figure import Figure

    x, y = (values.numpy() for values in found.grid)
    loss = _drawable(found.loss)
    norm = LogNorm if _spans_decades(loss) else Normalize
    scale = norm(loss.min(), max(loss.max(), loss.min() * (1 + 1e-9) + 1e-12))
    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    axes = figure.subplots()
    mesh = axes.pcolormesh(x, y, loss.T, norm=scale, cmap="viridis", shading="gouraud", rasterized=True)
    levels = _levels(loss, logarithmic=norm is LogNorm)
    if len(levels) > 1:
        lines = axes.contour(x, y, loss.T, levels=levels, colors="white", linewidths=0.6)
        axes.clabel(lines, fontsize=7, fmt="%.3g")
    marks = found.plane.marks.numpy()
    if path:
        axes.plot(marks[:, 0], marks[:, 1], "-", color="#d55e00", linewidth=1.2)
        axes.plot(marks[:-1, 0], marks[:-1, 1], "o", color="#d55e00", markersize=4)
        axes.plot(marks[-1:, 0], marks[-1:, 1], "*", color="white", markeredgecolor="black", markersize=12)
    else:
        for number, mark in enumerate(marks):
            axes.plot(*mark, "o", color="white", markeredgecolor="black", markersize=8)
            if len(marks) > 1:
                axes.annotate(
                    str(number), mark, xytext=(7, 5), textcoords="offset points", color="white", weight="bold"
                )
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel=labels[0], ylabel=labels[1])
    axes.set_title(plain_label(title, LONGEST), loc="left", fontsize=9)
    figure.colorbar(mesh, ax=axes, label=f"cross-entropy [nats], {found.convention.split} data")
    return figure


def surface(found: Slice, title: str, labels: Sequence[str] = ("", "")) -> Figure:
    """Return the loss on a plane as a surface in three dimensions; its height is logarithmic over many decades."""
    from matplotlib.figure import Figure

    x, y = (values.numpy() for values in found.grid)
    loss = _drawable(found.loss)
    logarithmic = _spans_decades(loss)
    height = np.log10(loss) if logarithmic else loss
    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    axes = figure.add_subplot(projection="3d")
    axes.set_box_aspect(None, zoom=0.9)
    axes.plot_surface(*np.meshgrid(x, y, indexing="ij"), height, cmap="viridis", linewidth=0)
    label = "log10 cross-entropy" if logarithmic else "cross-entropy [nats]"
    axes.set_zlabel(label)
    axes.set_xlabel(labels[0], labelpad=10.0)  # matplotlib leaves too little room for the numbers of three dimensions
    axes.set_ylabel(labels[1], labelpad=10.0)
    axes.tick_params(labelsize=8)
    axes.locator_params(nbins=5)
    axes.set_title(plain_label(title, LONGEST), loc="left", fontsize=9)
    return figure


def path_curves(ways: Mapping[str, tuple[Tensor, Tensor, Tensor]], title: str) -> Figure:
    """Return loss and error along paths between networks: a colour for each way, a thin line for each pair.

    Args:
        ways: Name of a way -> positions, losses and errors along it, each (pairs, points).
        title: What it shows.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure(figsize=(8.4, 6.0), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    for (way, (a, loss, error)), colour in zip(ways.items(), COLOURS, strict=False):
        for axes, values in ((upper, loss), (lower, error)):
            strength = max(0.15, min(0.8, 3.0 / len(values)))
            for row, own in enumerate(values):
                axes.plot(a[row], own, color=colour, linewidth=0.8, alpha=strength)
            # Pairs have points of their own around their maxima.
            each = [np.interp(COMMON, a[row], own) for row, own in enumerate(values)]
            axes.plot(COMMON, np.nanmedian(each, axis=0), color=colour, linewidth=2.2, label=way)
    log_y(upper)
    upper.set_ylabel("cross-entropy [nats]")
    lower.yaxis.set_major_formatter(PercentFormatter(1.0))
    lower.set(xlabel="position between the two networks", ylabel="error", xlim=(0.0, 1.0))
    upper.set_title(plain_label(title, LONGEST), loc="left", fontsize=9)
    for axes in (upper, lower):
        axes.grid(alpha=0.25)
    upper.legend(title="median, and each pair", fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure


def spectral_density_curve(nodes: Tensor, weights: Tensor, title: str) -> Figure:
    """Return the density of the eigenvalues of one network on a logarithmic axis.

    Args:
        nodes: Nodes of the quadrature, (probes, steps).
        weights: Its weights.
        title: What it shows.
    """
    from matplotlib.figure import Figure

    low, high = float(nodes.min()), float(nodes.max())
    width = max((high - low) / 200.0, 1e-12)
    grid = torch.linspace(low - 5 * width, high + 5 * width, 800, dtype=torch.float64)
    density = smoothed_density(Quadrature(nodes[None], weights[None], 0), grid, width)[0]
    figure = Figure(figsize=(7.6, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.plot(grid, density, color=COLOURS[0])
    axes.set_yscale("log")
    # Between eigenvalues the density of a finite number of nodes falls to nothing.
    axes.set(ylim=(max(float(density.max()) * 1e-9, 1e-30), None), xlabel="eigenvalue of the Hessian", ylabel="density")
    axes.axvline(0.0, color="#888888", linewidth=0.8)
    axes.set_title(plain_label(title, LONGEST), loc="left", fontsize=9)
    axes.grid(alpha=0.25)
    return figure


def along_path(
    columns: Mapping[str, tuple[Sequence[float], Sequence[Sequence[float]]]], title: str, label: str
) -> Figure:
    """Return a figure over t for several methods: a thin line for each run, a thick one for their median.

    Args:
        columns: Method -> values of t, and for each run its figures there.
        title: What it shows.
        label: Label of the figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 4.4), layout="constrained")
    axes: Axes = figure.subplots()
    for (method, (t, runs)), colour in zip(columns.items(), COLOURS, strict=False):
        values = np.array(runs, dtype=float)
        for own in values:
            axes.plot(t, own, color=colour, linewidth=0.8, alpha=0.3)
        axes.plot(t, np.nanmedian(values, axis=0), color=colour, linewidth=2.2, marker="o", markersize=4, label=method)
    log_y(axes)
    axes.set(xlabel="t", ylabel=label, xlim=(0.0, 1.0))
    axes.set_title(plain_label(title, LONGEST), loc="left", fontsize=9)
    axes.grid(alpha=0.25)
    axes.legend(title="median, and each run", fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure


def _drawable(loss: Tensor) -> NDArray[np.float64]:
    """Return losses of which those that are not finite are the largest that is."""
    values: NDArray[np.float64] = loss.double().cpu().numpy()
    finite = np.isfinite(values)
    top = values[finite].max() if finite.any() else 1.0
    return np.where(finite, values, top).clip(1e-12)


def _spans_decades(loss: NDArray[np.float64]) -> bool:
    return bool(np.log10(loss.max() / loss.min()) > DECADES)


def _levels(loss: NDArray[np.float64], *, logarithmic: bool) -> NDArray[np.float64]:
    low, high = float(loss.min()), float(loss.max())
    if not high > low * (1 + 1e-9):
        return np.array([low])
    ends = np.geomspace(low, high, LEVELS + 2) if logarithmic else np.linspace(low, high, LEVELS + 2)
    return ends[1:-1]
