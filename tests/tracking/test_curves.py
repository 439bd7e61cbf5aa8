"""The picture of a run shows its lines, whatever they are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from homotopy_bench.core.method_colours import method_colour
from homotopy_bench.tracking.curves import draw_curves, draw_run
from tests.pictures import assert_in_view, assert_nothing_is_cut, assert_whole, colours, drawn

LONG = "identity_homotopy on mnist1d (not the published files), model vgg19, seed 9223372036854775807"

Line = dict[str, Any]


def line(epoch: int, epochs: int, **others: float | None) -> Line:
    u = epoch / epochs
    scores = {"val_acc_target": 0.612 + 0.004 * u * u, "val_acc_path": 0.612 + 0.004 * u}
    losses = {"train_loss": 2 * math.exp(-3 * u), "val_loss_target": 1 + math.exp(-u), "val_loss_path": 0.5 + u}
    return {"epoch": epoch, "step": 10 * epoch, "t": u, "lr": 1e-3 * (1.1 - u), **scores, **losses, **others}


FLAT = dict.fromkeys(("val_acc_target", "val_acc_path", "train_loss", "val_loss_target", "val_loss_path"), 0.1)
ESTIMATES: Line = {"step": [0, 5], "lambda_max": [1e4, None], "kappa": [1.0, 100.0], "lr": [0.1, 0.2]}
AROUND: Line = {"train": {"lambda_max": 20.0, "trace": 300.0}, "test": {"lambda_max": None, "trace": 400.0}}
RUNS: dict[str, list[Line]] = {
    "many": [line(epoch, 40) for epoch in range(1, 41)],
    "three": [line(epoch, 3) for epoch in range(1, 4)],
    "one": [line(1, 1)],
    "none": [],
    "equal": [line(epoch, 5, **FLAT) for epoch in range(1, 6)],
    "zero": [line(epoch, 5, **dict.fromkeys(FLAT, 0.0)) for epoch in range(1, 6)],
    "missing": [line(epoch, 5, **dict.fromkeys(FLAT, None)) for epoch in range(1, 6)],
    "curvature": [{**line(epoch, 4), "curvature": ESTIMATES} for epoch in range(1, 5)],
    "landscape": [*(line(epoch, 5) for epoch in range(1, 5)), {**line(5, 5), "landscape": AROUND}],
}


@pytest.mark.parametrize("name", RUNS)
def test_whatever_a_run_has_is_in_view_and_nothing_is_cut(name: str) -> None:
    figure = drawn(draw_run(RUNS[name], LONG, "identity_homotopy"))
    assert_nothing_is_cut(figure)
    accuracy, loss, path = figure.axes[:3]
    low, high = accuracy.get_xlim()
    assert all(low <= one["epoch"] <= high for one in RUNS[name])
    assert sum(axes.get_legend() is not None for axes in figure.axes) == (
        4 if name in ("curvature", "landscape") else 3
    )
    if name not in ("none", "missing"):
        assert_whole(path)
        for axes in (accuracy, loss):
            assert_in_view(axes)
    if name == "one":
        assert {axes.get_lines()[0].get_marker() for axes in (accuracy, loss, path)} == {"o"}
    assert loss.get_yscale() == ("linear" if name in ("none", "zero", "missing") else "log")


def test_accuracies_fill_the_height() -> None:
    accuracy = drawn(draw_run(RUNS["many"], "title", "hta")).axes[0]
    low, high = accuracy.get_ylim()
    assert 0.004 / (high - low) > 0.15
    assert high - low < 0.03
    labels = [label.get_text() for label in accuracy.get_yticklabels()]
    assert len(set(labels)) == len(labels)


def test_the_networks_have_the_colour_of_their_method_and_nothing_else_has() -> None:
    for method in ("baseline", "convexity_annealing", "mine"):
        accuracy, loss, path, rate = drawn(draw_run(RUNS["three"], "title", method)).axes
        assert colours(accuracy) == {method_colour(method)}
        assert method_colour(method) in colours(loss) & colours(path)
        assert method_colour(method) not in colours(rate)


def test_curves_are_a_picture_with_something_in_it(tmp_path: Path) -> None:
    lines = [*RUNS["three"], line(4, 4, train_loss=None)]
    draw_curves(lines, "title", "baseline", tmp_path / "curves.png")
    pixels = np.asarray(Image.open(tmp_path / "curves.png").convert("RGB")).reshape(-1, 3)
    found = {"#{:02x}{:02x}{:02x}".format(*colour) for colour in np.unique(pixels, axis=0).tolist()}
    assert {method_colour("baseline"), "#888888", "#222222"} <= found
