"""Whatever lies in a folder becomes a value: a run, or why it is none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homotopy_bench.core.errors import InputError
from homotopy_bench.report import Run, Unusable, build_report, read_runs
from homotopy_bench.report.runs import _from_document


def change_summary(folder: Path, **changes: object) -> None:
    file = folder / "summary.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def only(records: tuple[Run | Unusable, ...]) -> Any:
    (record,) = records
    return record


def test_a_completed_run_is_read(tmp_path, write_run):
    write_run(tmp_path / "a", method="hta", seed=3, acc=0.61, val=0.62, on_path=0.7, overrides=("seed=3",))
    run = only(read_runs([tmp_path]))
    assert isinstance(run, Run)
    assert (run.path, run.status, run.method, run.seed) == (tmp_path / "a", "completed", "hta", 3)
    assert (run.test_acc, run.val_acc, run.path_test_acc) == (0.61, 0.62, 0.7)
    assert (run.train_seconds, run.gradient_evaluations, run.forward_equivalents) == (48, 12000, 36000)
    model = run.config["model"]
    assert isinstance(model, dict)
    assert model["init"] == "kaiming"
    assert run.overrides == ("seed=3",)


def test_precision_recall_and_f1_are_read_where_the_record_has_them(tmp_path, write_run):
    write_run(tmp_path / "new", macro=(0.6, 0.5, 0.4))
    write_run(tmp_path / "old")
    new, old = read_runs([tmp_path])
    assert isinstance(new, Run)
    assert isinstance(old, Run)
    assert (new.test_precision, new.test_recall, new.test_f1) == (0.6, 0.5, 0.4)
    assert (old.test_precision, old.test_recall, old.test_f1) == (None, None, None)


def test_a_diverged_run_counts_with_what_its_network_does(tmp_path, write_run):
    write_run(tmp_path / "a", status="diverged", acc=0.1, reason="loss is not finite")
    run = only(read_runs([tmp_path]))
    assert isinstance(run, Run)
    assert (run.status, run.test_acc) == ("diverged", 0.1)


@pytest.mark.parametrize("status", ["failed", "interrupted", "pruned"])
def test_an_unfinished_status_is_listed_with_its_reason(tmp_path, write_run, status):
    write_run(tmp_path / "a", acc=None, status=status, reason="out of\nmemory")
    assert read_runs([tmp_path]) == (Unusable(tmp_path / "a", status, "out of memory"),)


def test_a_failed_record_needs_nothing_but_its_status(tmp_path):
    (tmp_path / "summary.json").write_text('{"schema": 1, "status": "failed", "reason": null}')
    assert only(read_runs([tmp_path])) == Unusable(tmp_path, "failed", "no reason given")


def test_a_run_without_summary_is_running_and_tells_its_last_whole_epoch(tmp_path, write_run):
    folder = write_run(tmp_path / "a")
    (folder / "summary.json").unlink()
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 41, "u": 0.')
    record = only(read_runs([tmp_path]))
    assert record.kind == "running"
    assert "epoch 40" in record.reason


@pytest.mark.parametrize("content", [b"", b'{"epoch": 1'])
def test_a_running_run_without_a_whole_line_is_before_its_first_evaluation(tmp_path, content):
    (tmp_path / "metrics.jsonl").write_bytes(content)
    record = only(read_runs([tmp_path]))
    assert (record.kind, record.reason[-27:]) == ("running", "before its first evaluation")


@pytest.mark.parametrize(
    "content", [b"\xff\n", b"[1]\n", b"{}\n", b"[" * 100_000 + b"\n", b'{"epoch": 1}\n{"epoch": \n']
)
def test_damaged_metrics_of_a_running_run_are_said(tmp_path, content):
    (tmp_path / "metrics.jsonl").write_bytes(content)
    record, lines = only(read_runs([tmp_path])), content.count(b"\n")
    assert record.kind == "damaged"
    assert record.reason.startswith(f"metrics.jsonl is damaged at line {lines}: ")


@pytest.mark.parametrize("present", [".hydra", "metrics.jsonl"])
def test_either_trace_of_a_run_makes_a_run_folder(tmp_path, present):
    (tmp_path / "a" / ".hydra").mkdir(parents=True) if present == ".hydra" else (tmp_path / "a").mkdir()
    if present != ".hydra":
        (tmp_path / "a" / present).write_text("")
    record = only(read_runs([tmp_path]))
    assert (record.kind, record.path) == ("running", tmp_path / "a")
    assert "before its first evaluation" in record.reason


@given(st.floats(0, 1, exclude_max=True))
def test_every_prefix_of_a_summary_is_torn(tmp_path_factory, write_run, share):
    folder = write_run(tmp_path_factory.mktemp("torn") / "a")
    whole = (folder / "summary.json").read_bytes()
    (folder / "summary.json").write_bytes(whole[: int(share * len(whole))])
    assert only(read_runs([folder])).kind == "torn"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xfe\x00", "torn"),
        (b"[" * 100_000, "torn"),
        (b"[]", "foreign"),
        (b"null", "foreign"),
        (b'{"accuracy": 0.9}', "foreign"),
        (b'{"schema": 2}', "foreign"),
        (b'{"schema": true}', "foreign"),
        (b'{"schema": "1"}', "foreign"),
        (b'{"schema": 1}', "foreign"),
        (b'{"schema": 1, "status": "done"}', "foreign"),
    ],
)
def test_other_files_of_that_name_are_listed(tmp_path, content, kind):
    (tmp_path / "summary.json").write_bytes(content)
    record = only(read_runs([tmp_path]))
    assert record.kind == kind
    assert "\n" not in record.reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["status", "final", "cost", "config", "seed", "overrides", "best_on_path"]), json_values)
def test_no_value_of_any_key_is_fatal(tmp_path_factory, write_run, key, value):
    folder = write_run(tmp_path_factory.mktemp("odd") / "a")
    document = json.loads((folder / "summary.json").read_text()) | {key: value}
    assert isinstance(_from_document(folder, document, 0), Run | Unusable)


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"final": None}, "incomplete", "test_acc_target"),
        ({"final": {"test_acc_target": None}}, "incomplete", "test_acc_target"),
        ({"final": {"test_acc_target": 61.0}}, "foreign", "final.test_acc_target"),
        ({"schema": True}, "foreign", "schema True"),
        ({"schema": 1.0}, "foreign", "schema 1.0"),
        ({"seed": "3"}, "foreign", "seed"),
        ({"config": None}, "foreign", "config"),
    ],
)
def test_a_record_that_cannot_be_averaged_is_listed(tmp_path, write_run, changes, kind, words):
    change_summary(write_run(tmp_path / "a"), **changes)
    record = only(read_runs([tmp_path]))
    assert record.kind == kind
    assert words in record.reason


def test_nan_in_a_record_is_a_missing_number(tmp_path, write_run):
    folder = write_run(tmp_path / "a")
    file = folder / "summary.json"
    file.write_text(file.read_text().replace('"train_seconds": 48.0', '"train_seconds": NaN'))
    run = only(read_runs([tmp_path]))
    assert isinstance(run, Run)
    assert run.train_seconds is None


def test_keys_of_later_versions_are_ignored(tmp_path, write_run):
    change_summary(write_run(tmp_path / "a"), landscape={"lambda_max": 8.6})
    assert isinstance(only(read_runs([tmp_path])), Run)


def test_the_search_is_deep_sorted_and_counts_a_folder_once(tmp_path, write_run, monkeypatch):
    for name in ("b/x/1", "b/x/0", "a", "b/.hidden/2"):
        write_run(tmp_path / name)
    found = [record.path for record in read_runs([tmp_path, tmp_path / "b", tmp_path / "b" / "x" / ".." / "x"])]
    assert found == [tmp_path / "a", tmp_path / "b/x/0", tmp_path / "b/x/1"]
    monkeypatch.chdir(tmp_path)
    assert [record.path for record in read_runs(["b", tmp_path / "b/x/0"])] == [Path("b/x/0"), Path("b/x/1")]


def test_a_link_given_by_name_is_followed_and_a_link_met_on_the_way_is_not(tmp_path, write_run):
    write_run(tmp_path / "runs" / "0")
    (tmp_path / "runs" / "latest").symlink_to(tmp_path / "runs" / "0")
    assert [record.path.name for record in read_runs([tmp_path / "runs"])] == ["0"]
    assert len(read_runs([tmp_path / "runs" / "latest"])) == 1


def test_a_file_among_the_paths_is_listed(tmp_path, write_run):
    # outputs/* of a shell meets the files of a sweep as well as its runs.
    write_run(tmp_path / "0")
    (tmp_path / "multirun.yaml").write_text("")
    records = read_runs([tmp_path / "0", tmp_path / "multirun.yaml"])
    assert [getattr(record, "kind", "run") for record in records] == ["run", "no folder"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is closed to this user")
def test_a_closed_folder_is_listed(tmp_path, write_run):
    write_run(tmp_path / "0")
    (tmp_path / "1").mkdir(mode=0)
    assert [getattr(record, "kind", "run") for record in read_runs([tmp_path])] == ["run", "unreadable"]


def test_a_summary_that_cannot_be_opened_is_listed(tmp_path):
    (tmp_path / "a" / ".hydra").mkdir(parents=True)
    (tmp_path / "a" / "summary.json").mkdir()
    (tmp_path / "b" / ".hydra").mkdir(parents=True)
    records = read_runs([tmp_path])
    assert [getattr(record, "kind", "run") for record in records] == ["unreadable", "running"]


def test_a_missing_path_is_an_input_error(tmp_path, write_run):
    write_run(tmp_path / "0")
    with pytest.raises(InputError, match="nowhere: does not exist"):
        read_runs([tmp_path, tmp_path / "nowhere"])


def test_no_run_at_all_is_an_input_error(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "multirun.yaml").write_text("")
    with pytest.raises(InputError, match="no run found"):
        read_runs([tmp_path, tmp_path / "multirun.yaml"])


def test_runs_of_searches_are_left_out_however_they_ended(tmp_path, write_run):
    for number, status in enumerate(("completed", "pruned", "failed")):
        folder = write_run(tmp_path / "study" / str(number), seed=1000, status=status)
        (folder / ".hydra" / "config.yaml").write_text("dataset:\n  seed: 7\nseed: 1000\n")
    (write_run(tmp_path / "killed", seed=1000) / "summary.json").unlink()
    (tmp_path / "killed" / ".hydra" / "config.yaml").write_text("seed: 1000\n")
    report_run = write_run(tmp_path / "run", seed=999)
    (report_run / ".hydra" / "config.yaml").write_text("dataset:\n  seed: 1000\nseed: 999\n")
    report = build_report(read_runs([tmp_path]))
    assert (report.tuning_runs, report.unusable) == (4, ())
    assert [row.seeds for section in report.sections for row in section.rows] == [(999,)]
    kinds = [type(one) if isinstance(one, Run) else one.kind for one in read_runs([tmp_path], tuning=True)]
    assert kinds == ["running", Run, Run, "pruned", "failed"]
