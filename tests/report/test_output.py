"""What is printed and written: nothing is cut, nothing breaks the format, and the keys stay what they are."""

from __future__ import annotations

import inspect
import io
import json
import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from rich.console import Console

from homotopy_bench.config.compose import experiment_file
from homotopy_bench.core.tuning_budget import TuningBudget
from homotopy_bench.report import (
    BaselineChoice,
    Comparison,
    Report,
    Row,
    Section,
    Unusable,
    build_report,
    print_report,
    read_runs,
    to_dict,
    to_markdown,
)
from homotopy_bench.report.machine import to_json


def realistic(write: Callable[..., Path], root: Path) -> Report:
    """Two methods, two initialisations, five seeds, and one of everything that can go wrong."""
    folder = 0
    for method, gain in (("baseline", 0.0), ("identity_homotopy", 0.15)):
        for init, start in (("kaiming", 0.48), ("orthogonal", 0.52)):
            for seed in range(5):
                acc = round(start + gain + 0.004 * ((7 * seed + folder) % 5), 4)
                shifted = seed + (method != "baseline" and init == "orthogonal")
                overrides = (f"method={method}", f"model.init={init}", f"seed={shifted}")
                options = {"method": method, "init": init, "seed": shifted, "overrides": overrides}
                if (method, init, seed) == ("baseline", "kaiming", 3):
                    options |= {"status": "diverged", "reason": "loss is not finite"}
                    acc = 0.1
                write(root / "sweep" / str(folder), acc=acc, on_path=acc + gain / 5, **options)
                folder += 1
    write(root / "failed|1", method="hta", acc=None, status="failed", reason="CUDA *out* of\nmemory | <b>")
    write(root / "repeated", acc=0.49, overrides=("model.init=kaiming",), age=60)
    (write(root / "running", method="hta") / "summary.json").unlink()
    torn = write(root / "torn", method="hta") / "summary.json"
    torn.write_text(torn.read_text()[:300])
    return build_report(read_runs([root]))


@pytest.fixture(name="report", scope="module")
def _report(write_run, tmp_path_factory):
    return realistic(write_run, tmp_path_factory.mktemp("outputs"))


def printed(report: Report, width: int, *, terminal: bool = False) -> str:
    file = io.StringIO()
    print_report(report, Console(file=file, width=width, highlight=False, force_terminal=terminal))
    return file.getvalue()


NAMES = [
    f"{method} model.init={init}" for method in ("baseline", "identity_homotopy") for init in ("kaiming", "orthogonal")
]
SPOILT = ["failed", "running", "torn", "duplicate"]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_nothing_is_cut_at_any_width(report, width):
    text = printed(report, width)
    assert "…" not in text
    words = text.split()
    for row in report.sections[0].rows:
        for value in (f"{100 * row.mean:.2f}", f"{100 * row.iqm:.2f}", f"({100 * row.path_mean:.2f})"):
            assert value in words
        assert f"[{100 * row.interval.low:.2f}, {100 * row.interval.high:.2f}]" in text
    for one in report.sections[0].comparisons:
        assert f"+{100 * one.mean_difference:.2f}" in words
        assert f"{one.p_holm:.4f}" in words
    for kind in SPOILT:
        assert kind in words
    for name in NAMES:
        assert {"baseline", "identity_homotopy", name.split()[1]} <= set(words)


@pytest.mark.parametrize("width", [40, 80, 100, 140])
def test_no_name_is_wrapped_over_its_numbers(report, width):
    lines = printed(report, width).splitlines()
    for row in report.sections[0].rows:
        shown = f"{100 * row.mean:.2f}"
        named = [index for index, line in enumerate(lines) if line.startswith(f"{row.method} {row.label}")]
        assert any(shown in lines[index] or shown in lines[index + 1] for index in named)


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_the_verdict_comes_before_every_table(report, form):
    text = printed(report, 140) if form == "text" else to_markdown(report)
    assert 0 < text.index("identity_homotopy model.init=orthogonal is not shown to beat") < text.index("Test accuracy")


@pytest.mark.parametrize("width", [80, 100, 140])
def test_tables_and_notes_keep_to_the_width(report, width):
    # Only the list of folders has longer lines: one per folder, to be searched and copied.
    lines = printed(report, width).splitlines()
    folders = range(lines.index("Not in the tables") + 1, lines.index("How to read this"))
    assert [line for i, line in enumerate(lines) if i not in folders and len(line) > width] == []
    assert len([i for i in folders if lines[i]]) == len(report.unusable)


def test_names_share_a_line_with_their_numbers_where_there_is_room(report):
    lines = printed(report, 140).splitlines()
    for name in NAMES:
        assert any(line.startswith(name) and f"{line.split()[2]}" == "5" for line in lines)


def test_a_pipe_gets_no_colours_and_a_terminal_does(report):
    assert "\x1b[" not in printed(report, 100)
    assert "\x1b[" in printed(report, 100, terminal=True)


def test_the_text_says_what_a_reader_must_know(report):
    text = " ".join(printed(report, 100).split())
    for sentence in (
        "20 runs in the tables, 4 folders not",
        "(best on",
        "Compared with: baseline model.init=orthogonal, mean validation accuracy 52.80 %, the best of 2 baseline",
        "model.init=orthogonal: 1 seed of its own and 1 seed of the baseline dropped for want of a partner",
        "With 4 unequal pairs (identity_homotopy model.init=orthogonal) p cannot be below 0.125",
        "differs from the baseline in more than the method: model.init (kaiming, baseline orthogonal)",
        "- identity_homotopy model.init=orthogonal is not shown to beat baseline model.init=orthogonal: +14.80 points",
        "4 pairs, equal cost; 4 pairs cannot give p <= 0.05.",
        "baseline model.init=kaiming: 1 of 5 seeds collapsed: 3 (10.00 %).",
        "Made with code 0.1.0; torch 2.11.0; processor a processor.",
        "95 % intervals: Student's t",
        "corrected for 2 tests",
    ):
        assert sentence in text


def test_what_is_missing_is_said(tmp_path, write_run):
    write_run(tmp_path / "a", method="hta")
    text = printed(build_report(read_runs([tmp_path])), 80)
    assert "hta is not compared: no run of method baseline here." in text
    write_run(tmp_path / "b", settings={"dataset": {"protocol": "source"}}, code_version="")
    (tmp_path / "a").rename(tmp_path / ".a")
    text = printed(build_report(read_runs([tmp_path])), 80)
    assert "every row here is a baseline" in text
    assert "validated on the test split" in text


def test_a_difference_that_rounds_to_nothing_has_no_sign(tmp_path, write_run):
    for seed in range(3):
        write_run(tmp_path / f"b{seed}", seed=seed, acc=0.5)
        write_run(tmp_path / f"h{seed}", seed=seed, acc=0.49999, method="hta")
        write_run(tmp_path / f"i{seed}", seed=seed, acc=0.50001, method="identity_homotopy")
    text = printed(build_report(read_runs([tmp_path])), 120)
    assert "-0.00" not in text
    assert "+0.00" not in text
    tables = text[text.index("==") :]
    assert tables.count("[0.00, 0.00]") == 2


def test_a_sweep_of_many_rows_does_not_drown_in_notes(tmp_path, write_run):
    write_run(tmp_path / "b", acc=0.5)
    for i in range(40):
        settings = {"optimizer": {"lr": 0.001 * (i + 1)}}
        write_run(tmp_path / f"h{i:02}", acc=0.5 + 0.001 * i, method="hta", settings=settings)
    report = build_report(read_runs([tmp_path]))
    lines = printed(report, 200).splitlines()
    (note,) = [line for line in lines if "more than the method" in line]
    assert note.endswith("and 36 more rows: differs from the baseline in more than the method: optimizer.lr.")
    # Eight verdicts stand above the tables, on the best rows; the document has all.
    assert sum(" beat baseline" in line for line in lines) == 8
    assert "- 32 more rows below." in lines
    assert len(to_dict(report)["verdicts"]) == 40
    # The row with the baseline's own rate differs in nothing, and is not among the 39.
    assert sum(bool(one.differs_in) for one in report.sections[0].comparisons) == 39


def test_with_how_many_trials_a_row_was_tuned_is_told(tmp_path, write_run):
    for method, trials in (("baseline", 64), ("hta", 40), ("l2_schedule", None)):
        file = tmp_path / f"{method}.yaml"
        told: tuple[str, ...] = ()
        if trials is not None:
            file.write_text(f"# @package _global_\n# Trial 3 of study a: val_acc 0.7; {TuningBudget(trials, 64)}.\n")
            told = (experiment_file(f"experiment={file}"),)
        write_run(tmp_path / method, method=method, overrides=told)
    report = build_report(read_runs([tmp_path]))
    for written in (printed(report, 100), to_markdown(report)):
        words = " ".join(written.replace("\\", "").split())
        assert "baseline: tuned with 64 of 64 trials." in words
        assert "hta: tuned with 40 of 64 trials, as the study ended short." in words
        assert "l2_schedule: not known to be tuned by a study." in words
        assert "The tuning budgets of these rows are not equal." in words
    assert {row["method"]: row["tuning"] for row in to_dict(report)["sections"][0]["rows"]} == {
        "baseline": {"trials": 64, "of": 64},
        "hta": {"trials": 40, "of": 64},
        "l2_schedule": None,
    }


def test_names_are_no_markup(tmp_path, write_run):
    write_run(tmp_path / "a", method="[red]hta[/red]")
    assert "[red]hta[/red]" in printed(build_report(read_runs([tmp_path])), 80)


def cells(line: str) -> list[str]:
    return line.replace("\\|", "").strip().strip("|").split("|")


def test_markdown_tables_are_whole_and_hold_every_number(report):
    text = to_markdown(report, "homotopy-report outputs --markdown 'a b.md'")
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 4
    for block in blocks:
        assert len({len(cells(line)) for line in block}) == 1
        assert set("".join(cells(block[1]))) <= set(" :-")
    assert len(blocks[0]) == 2 + 4
    for row in report.sections[0].rows:
        assert f"| {row.method} {row.label} | {row.runs} | {row.diverged} | {100 * row.mean:.2f} |" in text
    assert "| CUDA \\*out\\* of memory \\| \\<b\\> |" in text
    assert text.endswith("\n    homotopy-report outputs --markdown 'a b.md'\n")


ROW_KEYS = """method label settings seeds accuracies runs diverged collapsed_seeds mean std iqm interval precision_mean
    recall_mean f1_mean val_mean path_mean path_runs loss_mean loss_runs loss_spikes max_grad_norm train_seconds
    gradient_evaluations hvp_evaluations forward_equivalents peak_memory_mb paths landscape tuning"""
COMPARISON_KEYS = """method label pairs dropped_seeds dropped_baseline_seeds collapsed_seeds collapsed_baseline_seeds
    unequal_pairs mean_difference interval p_value p_holm beats smallest_p minimum_detectable_effect cost_ratio
    differs_in"""
SECTION_KEYS = """dataset model protocol label rows also_differ baseline no_baseline comparisons code_versions
    torch_versions processors validated_on_test damaged unpublished_data"""
SETTINGS_KEYS = """interval_method confidence alpha power tests"""


def test_json_keys_are_those_of_schema_2(report):
    document = json.loads(to_json(report, "homotopy-report x"))
    assert list(document) == ["schema", "command", "settings", "verdicts", "sections", "unusable", "tuning_runs"]
    assert (document["schema"], document["command"]) == (2, "homotopy-report x")
    assert list(document["settings"]) == SETTINGS_KEYS.split()
    (section,) = document["sections"]
    assert list(section) == SECTION_KEYS.split()
    assert {tuple(row) for row in section["rows"]} == {tuple(ROW_KEYS.split())}
    assert {tuple(one) for one in section["comparisons"]} == {tuple(COMPARISON_KEYS.split())}
    assert list(section["baseline"]) == ["label", "candidates", "val_mean", "asked"]
    assert {tuple(one) for one in document["unusable"]} == {("path", "kind", "reason")}


def test_json_holds_the_numbers_of_the_report(report):
    (section,) = to_dict(report)["sections"]
    for row, written in zip(report.sections[0].rows, section["rows"], strict=True):
        assert written["mean"] == row.mean
        assert written["interval"] == {"low": row.interval.low, "high": row.interval.high}
        assert written["seeds"] == list(row.seeds)
        assert sum(written["accuracies"]) / row.runs == pytest.approx(row.mean)
        assert written["settings"] == row.settings
    for one, written in zip(report.sections[0].comparisons, section["comparisons"], strict=True):
        assert written["p_holm"] == one.p_holm
        assert written["differs_in"] == {key: list(values) for key, values in one.differs_in.items()}


def test_every_key_is_documented():
    for kind in (Report, Section, BaselineChoice, Row, Comparison, Unusable):
        for field in fields(kind):
            assert f"\n    {field.name}: " in (inspect.getdoc(kind) or "")


def test_numbers_that_are_none_are_null(report):
    section = report.sections[0]
    row = replace(section.rows[0], mean=math.nan, std=math.inf)
    odd = replace(report, sections=(replace(section, rows=(row,)),))
    written = json.loads(to_json(odd))["sections"][0]["rows"][0]
    assert (written["mean"], written["std"]) == (None, None)


def test_a_folder_whose_name_is_no_utf_8_can_be_printed_and_written(tmp_path, write_run):
    folder = tmp_path / b"\xff".decode("utf-8", "surrogateescape")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    folder.rmdir()
    write_run(folder / "failed", status="failed", acc=None)
    write_run(folder / "used")
    write_run(folder / "older", age=9)
    report = build_report(read_runs([tmp_path]))
    for text in (printed(report, 80), to_markdown(report), to_json(report)):
        assert "udcff" in text.encode("utf-8").decode()
    for one in json.loads(to_json(report))["unusable"]:
        assert "udcff" in one["path"].encode("utf-8").decode()
