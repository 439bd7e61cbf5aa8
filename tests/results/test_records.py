"""read_runs gives what the files of a record hold, value by value; a folder without a record is named and left out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from homotopy_bench import read_runs
from homotopy_bench.core.errors import InputError
from tests.analysis.runs import finished
from tests.report.conftest import write_run


def leaves(value: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Yield every value of a JSON document that is no object, with its keys joined by dots."""
    for key, below in value.items():
        if isinstance(below, dict):
            yield from leaves(below, *path, key)
        else:
            yield ".".join((*path, key)), below


def assert_cells(row: Any, document: Any) -> None:
    """Fail unless a row holds every value of a document, and nothing else beside it but what is missing."""
    expected = dict(leaves(document))
    for column, value in expected.items():
        if value is None:
            assert column not in row.index or pd.isna(row[column]), column
        else:
            assert row[column] == value, column
    for column in set(row.index) - set(expected) - {"folder"}:
        assert pd.isna(row[column]), column


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two methods that have different keys, in a multirun and beside it."""
    folder = tmp_path_factory.mktemp("outputs")
    finished(folder / "multirun" / "0", "method=baseline", "seed=3")
    finished(folder / "multirun" / "1", "method=hta", "method.L=[0.3,0.2]", "method.epochs_per_level=1", "seed=3")
    finished(folder / "searched", "method=baseline", "seed=1002", "landscape=final")
    return folder


def test_the_table_of_runs_holds_every_value_of_the_summaries(runs: Path) -> None:
    found = read_runs(runs)
    table = found.table()
    assert [str(record.folder) for record in found] == list(table["folder"])
    assert [Path(name).name for name in table["folder"]] == ["0", "1", "searched"]
    for _, row in table.iterrows():
        assert_cells(row, json.loads((Path(row["folder"]) / "summary.json").read_text()))
    assert table["seed"].dtype == "int64"
    assert table["final.test_acc_target"].dtype == "float64"
    assert table["config.method.L"][1] == [0.3, 0.2]


def test_the_table_of_evaluations_holds_every_line_of_the_metrics(runs: Path) -> None:
    table = read_runs(str(runs)).evaluations()
    summaries = read_runs(runs).table().set_index("folder")
    for name, rows in table.groupby("folder"):
        lines = [json.loads(line) for line in (Path(str(name)) / "metrics.jsonl").read_text().splitlines()]
        assert len(lines) == len(rows) == 4
        named = {key: summaries[key][str(name)] for key in ("dataset", "model", "method", "seed")}
        for (_, row), line in zip(rows.iterrows(), lines, strict=True):
            assert_cells(row, {**named, **line})


def test_folders_without_a_record_are_named_once_and_left_out(tmp_path: Path) -> None:
    names = ("running", "torn", "schema", "other", "lines", "fifo", "good", "pruned", "failed")
    folders = {name: write_run(tmp_path / name, seed=seed) for seed, name in enumerate(names)}
    (folders["running"] / "summary.json").unlink()
    torn = folders["torn"] / "summary.json"
    torn.write_bytes(torn.read_bytes()[:-40])
    for name, change in (("schema", {"schema": 2}), ("pruned", {"status": "pruned", "reason": "by its study"})):
        content = json.loads((folders[name] / "summary.json").read_text())
        (folders[name] / "summary.json").write_text(json.dumps(content | change))
    failed = json.loads((folders["failed"] / "summary.json").read_text())
    failed |= {"status": "failed", "reason": "no memory", "final": None, "config": None}
    (folders["failed"] / "summary.json").write_text(json.dumps(failed))
    (folders["other"] / "summary.json").write_text('{"accuracy": 0.9}')
    (folders["lines"] / "metrics.jsonl").write_text('{"epoch": 1}\nnothing\n{"epoch": 2}\n')
    (folders["fifo"] / "metrics.jsonl").unlink()
    os.mkfifo(folders["fifo"] / "metrics.jsonl")
    (folders["good"] / "metrics.jsonl").write_text('{"epoch": 1}\n{"epo')

    found = read_runs(tmp_path)
    assert {record.folder.name: record.summary["status"] for record in found} == {
        "failed": "failed",
        "good": "completed",
        "pruned": "pruned",
    }
    reasons = {one.path.name: one.reason for one in found.left_out}
    assert set(reasons) == {"running", "torn", "schema", "other", "lines", "fifo"}
    assert "still running, or killed" in reasons["running"]
    assert "not whole JSON" in reasons["torn"]
    assert "schema 2; this version reads 1" in reasons["schema"]
    assert "it has no schema" in reasons["other"]
    assert "damaged at line 2" in reasons["lines"]
    assert "is a FIFO" in reasons["fifo"]
    first, *lines = repr(found).splitlines()
    assert first == "3 runs: 1 completed, 1 failed, 1 pruned"
    assert sorted(lines) == sorted(f"left out: {folders[name]}: {reason}" for name, reason in reasons.items())

    good = next(record for record in found if record.folder.name == "good")
    assert good.metrics == [{"epoch": 1}], "a torn last line is skipped"
    table = found.table().set_index("status")
    assert "final" not in table.columns
    assert table["final.test_acc_target"].isna().to_dict() == {"completed": False, "failed": True, "pruned": False}
    assert next(record for record in found if record.folder.name == "failed").config == {}


def test_no_record_at_all_is_an_empty_table(tmp_path: Path) -> None:
    (write_run(tmp_path / "running") / "summary.json").unlink()
    found = read_runs(tmp_path)
    assert (len(found), len(found.left_out), len(found.table()), len(found.evaluations())) == (0, 1, 0, 0)


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_runs_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"does not exist|no run found"):
        read_runs(tmp_path / name)


def test_without_pandas_the_records_are_there_and_the_table_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path / "run")
    monkeypatch.setitem(sys.modules, "pandas", None)
    found = read_runs(tmp_path)
    assert len(found) == 1
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'homotopy-bench\[pandas\]'"):
        found.table()
