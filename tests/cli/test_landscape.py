"""homotopy-landscape: text, document and pictures agree; what cannot be measured is a line beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from homotopy_bench.cli.landscape import main
from tests.analysis.runs import finished


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("landscape")
    for seed in range(2):
        finished(folder / str(seed), "method=baseline", f"seed={seed}", "training.snapshots=[0,3]")
    (finished(folder / "torn", "method=baseline") / "checkpoint.pt").write_bytes(b"PK")
    return folder


def test_text_document_and_pictures_agree_and_a_torn_run_is_named(runs, tmp_path, capsys, monkeypatch) -> None:
    from homotopy_bench.analysis import drawing

    monkeypatch.setattr(drawing, "SIDE", 3)
    document, pictures = tmp_path / "figures.json", tmp_path / "pictures"
    words = [str(runs), "--metrics", "sam", "--pairs", "all", "--json", str(document), "--figure", str(pictures)]
    assert main(words) == 0
    shown = capsys.readouterr()
    content = json.loads(document.read_text(), parse_constant=pytest.fail)
    assert [Path(one["folder"]).name for one in content["runs"]] == ["0", "1"]
    assert [Path(one["folder"]).name for one in content["left_out"]] == ["torn"]
    assert f"left out: {runs / 'torn'}: its checkpoint.pt is damaged" in shown.err
    for run in content["runs"]:
        for split in ("train", "test"):
            assert f"{run['figures'][split]['sam']['value']:.4g}" in shown.out
    (pair,) = content["pairs"]
    assert f"{pair['figures']['test']['barrier_loss']['value']:.4g}" in shown.out
    assert "no correlation with test accuracy, train data" in shown.out
    assert {path.name for path in pictures.iterdir()} >= {"between-train.png", "slice-0.png", "surface-1.png"}
    assert main([str(runs), "--metrics", "sam", "--pairs", "all"]) == 0
    assert capsys.readouterr().out == shown.out, "the second call shows what the first one has kept"


def test_forks_alone_need_no_other_run(runs, tmp_path, capsys) -> None:
    document = tmp_path / "forks.json"
    assert main(["--fork", str(runs / "0"), "--split", "train", "--samples", "50", "--json", str(document)]) == 0
    shown = capsys.readouterr().out
    forks = json.loads(document.read_text())["forks"]
    assert [fork["snapshot"] for fork in forks] == ["epoch-0", "epoch-3"]
    assert "stable from" in shown
    assert (runs / "0/forks/epoch-3/order-1/summary.json").is_file()
