"""The notebooks in examples/ run from top to bottom, and are kept without outputs.

Their code cells run in this process, one after the other in one namespace, as a kernel would run them. nbclient would
start a kernel: 25 packages and a process that has to load torch again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
import torch

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def cells(notebook: Path) -> list[dict[str, Any]]:
    """Return the code cells."""
    found: list[dict[str, Any]] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


def run(notebook: Path) -> dict[str, Any]:
    """Return the names of a notebook after all its cells."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells(notebook):
        exec(compile("".join(cell["source"]), f"{notebook.name}, cell {cell['id']}", "exec"), names)
    return names


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: str(notebook.name))
def test_a_notebook_is_kept_without_outputs_and_with_unique_cells(notebook: Path) -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells(notebook))
    names = [cell["id"] for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]]
    assert len(set(names)) == len(names) > 5
    assert notebook.stat().st_size < 20_000


def test_the_whole_way_goes_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    try:
        found = run(ROOT / "examples" / "whole_way.ipynb")
        assert len(found["upper"].lines) == len(found["lower"].lines) == 6
        assert len(found["upper"].get_legend().get_texts()) == 2
    finally:
        plt.close("all")
    assert found["outputs"].is_relative_to(tmp_path)
    assert [result.summary["status"] for result in found["results"]] == ["completed"] * 6
    assert list(found["table"].groupby("method").size()) == [3, 3]
    assert len(found["evaluations"]) == 60
    assert found["accuracy"] == found["run"].summary["final"]["test_acc_target"]
    assert found["logits"].shape == (6, len(found["x"]), 10)
    assert torch.isfinite(found["figures"]["lambda_max"].value).all()
    assert found["measured"][["lambda_max", "trace", "sam"]].notna().all(axis=None)
    assert (found["outputs"] / "network.pt2").is_file()
