"""The picture of a report shows what the metrics say."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from homotopy_bench.cli.report import main
from homotopy_bench.report import build_report, read_runs
from homotopy_bench.report.figure import _curves, draw_report


def write_metrics(folder: Path, target: list[float | None], path: list[float]) -> None:
    lines = [
        {"epoch": epoch, "val_acc_target": a, "val_acc_path": b}
        for epoch, (a, b) in enumerate(zip(target, path, strict=True), start=1)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"epo')


def test_curves_are_the_metrics_over_the_epochs_all_seeds_have(write_run: Callable[..., Path], tmp_path: Path) -> None:
    write_metrics(write_run(tmp_path / "0", seed=0), [0.1, 0.2, 0.5], [0.3, 0.4, 0.5])
    write_metrics(write_run(tmp_path / "1", seed=1), [0.2, None], [0.4, 0.6])
    (section,) = build_report(read_runs([tmp_path])).sections
    epochs, target, path = _curves(section.rows[0])
    assert epochs.tolist() == [1.0, 2.0]
    np.testing.assert_array_equal(target, [[0.1, 0.2], [0.2, np.nan]])
    np.testing.assert_array_equal(path, [[0.3, 0.4], [0.4, 0.6]])


def test_every_method_has_its_colour(write_run: Callable[..., Path], tmp_path: Path) -> None:
    write_metrics(write_run(tmp_path / "0"), [0.1, 0.2, 0.5], [0.1, 0.2, 0.5])
    write_metrics(write_run(tmp_path / "1", method="identity_homotopy"), [0.1, 0.1, 0.6], [0.3, 0.5, 0.6])
    image = Image.open(io.BytesIO(draw_report(build_report(read_runs([tmp_path]))))).convert("RGB")
    colours = {tuple(colour) for colour in np.unique(np.asarray(image).reshape(-1, 3), axis=0).tolist()}
    assert {(0x1F, 0x77, 0xB4), (0xFF, 0x7F, 0x0E)} <= colours


def test_the_command_writes_the_picture(write_run: Callable[..., Path], tmp_path: Path) -> None:
    write_metrics(write_run(tmp_path / "run"), [0.1, 0.2], [0.1, 0.2])
    assert main([str(tmp_path), "--figure", str(tmp_path / "figure.png")]) == 0
    with Image.open(tmp_path / "figure.png") as image:
        assert image.format == "PNG"
