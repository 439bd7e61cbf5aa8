"""The picture of a report shows what the metrics say."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from homotopy_bench.cli.report import main
from homotopy_bench.core.method_colours import method_colour
from homotopy_bench.report import build_report, read_runs
from homotopy_bench.report.figure import MOST_ROWS, _curves, draw_report, draw_sections
from homotopy_bench.report.structure import Report
from tests.pictures import assert_in_view, assert_nothing_is_cut, assert_whole, drawn


def write_metrics(folder: Path, target: list[float | None], path: list[float]) -> None:
    lines = [
        {"epoch": epoch, "val_acc_target": a, "val_acc_path": b}
        for epoch, (a, b) in enumerate(zip(target, path, strict=True), start=1)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"epo')


def test_curves_are_the_metrics_of_the_seeds_that_have_them(write_run: Callable[..., Path], tmp_path: Path) -> None:
    write_metrics(write_run(tmp_path / "0", seed=0), [0.1, 0.2, 0.5], [0.3, 0.4, 0.5])
    write_metrics(write_run(tmp_path / "1", seed=1), [0.2, None], [0.4, 0.6])
    (section,) = build_report(read_runs([tmp_path])).sections
    epochs, target, path = _curves(section.rows[0])
    assert epochs.tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(target, [[0.1, 0.2, 0.5], [0.2, np.nan, np.nan]])
    np.testing.assert_array_equal(path, [[0.3, 0.4, 0.5], [0.4, 0.6, np.nan]])
    (axes,) = draw_sections(report_of(tmp_path).sections).axes
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_texts()[0].get_text() == "baseline (1 of 2 runs at its end)"
    np.testing.assert_allclose(np.ma.filled(axes.get_lines()[0].get_ydata(), np.nan), [0.15, 0.2, 0.5])


def report_of(folder: Path) -> Report:
    return build_report(read_runs([folder]))


def test_every_method_has_its_colour(write_run: Callable[..., Path], tmp_path: Path) -> None:
    for number, method in enumerate(("baseline", "identity_homotopy", "mine")):
        for variant in (0.001, 0.002):
            settings = {"optimizer": {"lr": variant}}
            run = write_run(tmp_path / f"{number} {variant}", method=method, settings=settings)
            write_metrics(run, [0.1, 0.2, 0.5], [0.3, 0.5, 0.6])
    figure = drawn(draw_sections(report_of(tmp_path).sections))
    (axes,) = figure.axes
    named: dict[str, set[str]] = {}
    for line in axes.get_lines():
        if not str(line.get_label()).startswith("_"):
            named.setdefault(str(line.get_label()).split()[0], set()).add(to_hex(line.get_color()))
    assert named == {method: {method_colour(method)} for method in ("baseline", "identity_homotopy", "mine")}
    image = Image.open(io.BytesIO(draw_report(report_of(tmp_path)))).convert("RGB")
    pixels = np.unique(np.asarray(image).reshape(-1, 3), axis=0).tolist()
    assert {method_colour(method) for method in named} <= {"#{:02x}{:02x}{:02x}".format(*pixel) for pixel in pixels}


def test_a_legend_of_thirty_rows_is_whole_and_tells_them_apart(write_run: Callable[..., Path], tmp_path: Path) -> None:
    for row in range(30):
        settings = {"optimizer": {"lr": 0.001 * (row + 1)}, "model": {"a_very_long_key_of_a_model": f"{row}" * 30}}
        for seed in (0, 1):
            run = write_run(tmp_path / f"{row} {seed}", seed=seed, acc=0.3 + 0.01 * row, settings=settings)
            write_metrics(run, [0.1, 0.3 + 0.01 * row, 0.4 + 0.01 * row], [0.2, 0.5, 0.6])
    figure = drawn(draw_sections(report_of(tmp_path).sections))
    assert_nothing_is_cut(figure)
    (axes,) = figure.axes
    assert_whole(axes)
    assert_in_view(axes)
    legend = axes.get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert len(names) == len(set(names)) == 31  # and what dotted means
    assert max(map(len, names)) < 80
    rows = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    assert len({(line.get_marker(), line.get_fillstyle()) for line in rows}) == 30


def test_long_names_are_shortened_to_the_words_that_tell_rows_apart(
    write_run: Callable[..., Path], tmp_path: Path
) -> None:
    variants = (("dirac", "orthogonal", 0.00553), ("plain", "looks_linear", 0.00255), ("plain", "orthogonal", 0.00484))
    for number, (block, init, rate) in enumerate(variants):
        model = {"block": block, "init": init}
        optimizer = {"lr": rate, "weight_decay": 10.0 * rate, "a_long_name_of_a_key": rate}
        settings = {"model": model, "optimizer": optimizer}
        run = write_run(
            tmp_path / str(number),
            acc=0.5 + 0.1 * number,
            settings=settings,
            overrides=(
                "model.block=x",
                "model.init=x",
                "optimizer.lr=0",
                "optimizer.weight_decay=0",
                "optimizer.a_long_name_of_a_key=0",
            ),
        )
        write_metrics(run, [0.1, 0.2], [0.1, 0.2])
    (axes,) = drawn(draw_sections(report_of(tmp_path).sections)).axes
    legend = axes.get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == {
        f"baseline model.block={block} model.init={init}" for block, init, _ in variants
    }


def test_a_legend_of_many_rows_has_columns_and_says_what_is_left_out(
    write_run: Callable[..., Path], tmp_path: Path
) -> None:
    write_metrics(write_run(tmp_path / "run"), [0.1, 0.2], [0.1, 0.3])
    (section,) = report_of(tmp_path).sections
    figure = drawn(draw_sections((replace(section, rows=section.rows * (MOST_ROWS + 7)),)))
    assert_nothing_is_cut(figure)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert len(names) == len(set(names)) == MOST_ROWS + 2
    assert names[-1] == "without 7 rows that are less accurate"
    assert legend.get_window_extent().height < 10 * figure.dpi


def test_a_run_with_damaged_metrics_spoils_no_other_of_its_row(write_run: Callable[..., Path], tmp_path: Path) -> None:
    for seed in range(3):
        write_metrics(write_run(tmp_path / f"{seed}", seed=seed), [0.1 * seed, 0.2], [0.1, 0.3])
    (tmp_path / "1" / "metrics.jsonl").write_text("{\n")
    (section,) = report_of(tmp_path).sections
    assert section.damaged == {str(tmp_path / "1"): "metrics.jsonl is damaged at line 1: not a JSON object"}
    _, target, _ = _curves(section.rows[0])
    np.testing.assert_array_equal(target, [[0.0, 0.2], [0.2, 0.2]])
    for seed in (0, 2):
        (tmp_path / f"{seed}" / "metrics.jsonl").write_text("{\n")
    (axes,) = draw_sections(report_of(tmp_path).sections).axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["baseline (no curve)"]


@pytest.mark.parametrize("accuracies", [[0.5], [0.1, 0.1, 0.1], [0.612, 0.614, 0.616], [0.0, 1.0], [0.5, None]])
def test_few_and_equal_accuracies_are_in_view(
    accuracies: list[float | None], write_run: Callable[..., Path], tmp_path: Path
) -> None:
    for seed in (0, 1):
        write_metrics(write_run(tmp_path / f"{seed}", seed=seed), accuracies, [0.7] * len(accuracies))
    figure = drawn(draw_sections(report_of(tmp_path).sections))
    assert_nothing_is_cut(figure)
    (axes,) = figure.axes
    assert_whole(axes)
    assert_in_view(axes)
    assert axes.get_ylim()[0] > 0.0 or 0.0 in accuracies


def test_a_report_without_evaluations_is_a_picture(write_run: Callable[..., Path], tmp_path: Path) -> None:
    (write_run(tmp_path / "run") / "metrics.jsonl").write_text("")
    assert draw_report(report_of(tmp_path)).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "begins"),
    [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF"), ("A.SVG", b"<?xml")],
)
def test_the_command_writes_the_format_of_the_ending(
    name: str, begins: bytes, write_run: Callable[..., Path], tmp_path: Path
) -> None:
    write_metrics(write_run(tmp_path / "run"), [0.1, 0.2], [0.1, 0.2])
    assert main([str(tmp_path), "--figure", str(tmp_path / name)]) == 0
    content = (tmp_path / name).read_bytes()
    assert content.startswith(begins)
    assert main([str(tmp_path), "--figure", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_bytes() == content


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.png.txt"])
def test_another_ending_is_refused_before_anything_is_read(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    assert main([str(tmp_path / "no such folder"), "--figure", str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"homotopy-report: --figure={file}: accepted: a name that ends with .png, .svg or .pdf"
    assert not file.exists()
