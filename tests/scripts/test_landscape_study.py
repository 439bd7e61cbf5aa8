"""The study of wide networks keeps what a row measured, goes on from it, and its page says what is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from reproductions import landscape
from reproductions.plan import Plan
from reproductions.trained import Row

TINY = (
    "method=baseline", "dataset=mnist1d", "dataset.samples=300", "model.depth=1", "model.width=6", "training.epochs=1",
    "training.batch_size=64",
)  # fmt: skip


def test_a_row_is_measured_once_and_its_figures_are_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landscape, "SOURCE", {"narrow_sharp": Row(TINY, 3)})
    page = landscape.measure(Plan(tmp_path / "runs"), tmp_path / "page.md")
    kept = json.loads((tmp_path / "page.json").read_text())["narrow_sharp"]
    assert [one["seed"] for one in kept["runs"]] == [0, 1, 2]
    assert [one["seeds"] for one in kept["pairs"]] == [[0, 1], [0, 2], [1, 2]]
    for split in ("train", "test"):
        assert all(one["figures"][split]["lambda_max"]["value"] > 0 for one in kept["runs"])
        for pair in kept["pairs"]:
            loss = pair["curves"][split]["loss"]
            assert pair["figures"][split]["max_loss"]["value"] == pytest.approx(max(loss), rel=1e-5)
    mean = sum(one["figures"]["test"]["trace"]["value"] for one in kept["runs"]) / 3
    row = next(line for line in page.splitlines() if line.startswith("| trace at width 4096"))
    assert row.count("not measured") == 2
    around = page[page.index("Around the minima, test data") :]
    assert f"| {mean:.3g} +- " in around
    assert (tmp_path / "landscape_barriers.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(landscape, "_measured", None)
    assert landscape.measure(Plan(tmp_path / "elsewhere"), tmp_path / "page.md") == page
    monkeypatch.setattr(landscape, "SOURCE", {"narrow_sharp": Row(TINY, 4)})  # one of whose runs had failed
    again: list[str] = []

    def measured(name: str, folder: Path) -> Any:
        again.append(name)
        return kept

    monkeypatch.setattr(landscape, "_measured", measured)
    landscape.measure(Plan(tmp_path / "elsewhere"), tmp_path / "page.md")
    assert again == ["narrow_sharp"]
