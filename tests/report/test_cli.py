"""The command line: exit codes, one line per error, files whole or untouched, an answer at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from homotopy_bench.cli.report import main
from homotopy_bench.tracking.record import Record, Request
from tests.report.html.conftest import TRIALS, write_search

TURNS = 12


@pytest.fixture(name="outputs")
def _outputs(tmp_path, write_run):
    for seed in range(3):
        write_run(tmp_path / "outputs" / f"b{seed}", seed=seed, acc=0.5)
        write_run(tmp_path / "outputs" / f"h{seed}", seed=seed, acc=0.6 + 0.01 * seed, method="hta")
    return tmp_path / "outputs"


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | environment,
        check=False,
    )


def test_the_report_is_printed(outputs, capsys):
    assert main([str(outputs)]) == 0
    out, err = capsys.readouterr()
    assert "6 runs in the tables, 0 folders not" in out
    assert "+11.00" in out
    assert err == ""


def write_multirun(sweep: Path, summary: dict[str, Any], turns: threading.Semaphore) -> None:
    """Begin two runs at every turn and evaluate them, after ending those before; lines appear in two pieces."""
    before: list[Record] = []
    for turn in range(TURNS):
        turns.acquire()
        for record in before:
            record.finish(summary | {"seed": int(record.folder.name)})
            record.release()
        before = [Record.create(sweep / str(2 * turn + job), Request({"seed": 2 * turn + job}, [])) for job in (0, 1)]
        for epoch in range(1, 9):
            for record in before:
                line = json.dumps({"epoch": epoch, "t": 1.0, "val_acc_target": 0.5, "val_acc_path": 0.5}).encode()
                with record.metrics.open("ab", buffering=0) as file:
                    file.write(line[:25])
                    file.write(line[25:] + b"\n")


def test_reports_are_printed_while_a_multirun_is_written(tmp_path, write_run, capsys):
    summary = json.loads((write_run(tmp_path / "model") / "summary.json").read_text())
    turns = threading.Semaphore(0)
    writer = threading.Thread(target=write_multirun, args=(tmp_path / "sweep", summary, turns), daemon=True)
    (tmp_path / "sweep" / "0" / ".hydra").mkdir(parents=True)
    writer.start()
    for _ in range(TURNS):
        turns.release()
        assert main([str(tmp_path / "sweep"), "--figure", str(tmp_path / "curves.svg")]) == 0
        out, err = capsys.readouterr()
        assert "in the tables" in out
        assert err == ""
    writer.join()
    assert main([str(tmp_path / "sweep")]) == 0
    assert f"{2 * TURNS - 2} runs in the tables, 2 folders not" in capsys.readouterr().out


def test_files_are_written_beside_the_text(outputs, tmp_path, capsys):
    markdown, machine = tmp_path / "report.md", tmp_path / "report.json"
    arguments = [str(outputs), "--markdown", str(markdown), "--json", str(machine)]
    assert main(arguments) == 0
    assert "+11.00" in capsys.readouterr().out
    command = " ".join(["homotopy-report", *arguments])
    assert markdown.read_text().endswith(f"\n    {command}\n")
    assert json.loads(machine.read_text())["command"] == command
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outputs", "report.json", "report.md"]


def test_an_existing_file_is_replaced_through_a_link(outputs, tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    assert main([str(outputs), "--json", str(tmp_path / "link.json")]) == 0
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text())["schema"] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "PATH=nowhere: does not exist"),
        (["empty"], "no run found"),
        (["outputs", "--json", "nowhere/report.json"], "--json=nowhere/report.json: accepted: a file in a folder"),
        (["outputs", "--markdown", "empty"], "--markdown=empty: accepted: the name of a file"),
        (["outputs", "--json", os.devnull], "accepted: the name of a file"),
        (["outputs", "--baseline", "kaiming"], "--baseline=kaiming: accepted: KEY=VALUE"),
        (["outputs", "--baseline", "=kaiming"], "accepted: KEY=VALUE"),
        (["outputs", "--baseline", "model.init=zero"], "--baseline model.init=zero: the baseline runs here have"),
        (["outputs", "--baseline", "a=1", "--baseline", "a=2"], "--baseline=a=2: contradicts a=1"),
    ],
)
def test_an_input_that_cannot_be_used_is_one_line_and_exit_code_2(
    outputs, tmp_path, monkeypatch, capsys, arguments, words
):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert words in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "outputs"]


def test_a_device_is_still_a_device_afterwards(outputs):
    assert main([str(outputs), "--json", os.devnull]) == 2
    assert not os.path.isfile(os.devnull)  # noqa: PTH113


def test_a_baseline_may_hold_an_equals_sign(outputs, capsys):
    assert main([str(outputs), "--baseline", "model.init=a=b"]) == 2
    assert "model.init=a=b: the baseline runs here have: kaiming" in capsys.readouterr().err


def test_baselines_are_picked_by_several_settings(outputs, capsys):
    settings = ["--baseline", "model.init=kaiming", "--baseline", "optimizer.lr=6e-3"]
    assert main([str(outputs), *settings]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "picked by --baseline model.init=kaiming --baseline optimizer.lr=6e-3" in out


def test_unusable_folders_do_not_change_the_exit_code(outputs, write_run, capsys):
    write_run(outputs / "x", status="failed", acc=None, reason="no memory")
    assert main([str(outputs)]) == 0
    assert "no memory" in capsys.readouterr().out


def test_pictures_that_runs_lack_are_drawn_and_one_that_cannot_be_is_said(outputs, write_run, capsys):
    write_run(outputs / "search", seed=1000)
    for damaged in ("b1", "h0"):
        (outputs / damaged / "metrics.jsonl").write_bytes(b"{\n")
    for has_one in ("b2", "h1"):
        (outputs / has_one / "curves.png").write_bytes(b"as it was")
    (outputs / "h2" / "summary.json").unlink()  # it still trains
    write_run(outputs / "continued", seed=7)
    (outputs / "continued" / "curves.png").write_bytes(b"of an earlier end")
    os.utime(outputs / "continued" / "curves.png", ns=(0, 0))
    assert main([str(outputs), "--curves"]) == 1
    out, err = capsys.readouterr()
    assert "runs in the tables" in out
    lines = err.splitlines()
    assert [line.split(":")[1] for line in lines[:2]] == [" --curves"] * 2
    assert "b1/curves.png cannot be drawn (DamagedFile: metrics.jsonl is damaged at line 1" in lines[0]
    assert lines[2:] == ["homotopy-report: 3 curves.png drawn"]
    assert sorted(path.parent.name for path in outputs.glob("*/curves.png")) == [
        "b0",
        "b2",
        "continued",
        "h1",
        "search",
    ]
    assert (outputs / "continued" / "curves.png").read_bytes() != b"of an earlier end"
    assert (outputs / "b2" / "curves.png").read_bytes() == b"as it was"
    (outputs / "b1" / "summary.json").unlink()
    (outputs / "h0" / "summary.json").unlink()
    assert main([str(outputs), "--curves"]) == 0


def test_help_loads_nothing_that_takes_time():
    code = (
        "import sys; sys.argv = ['homotopy-report', '--help']\n"
        "from homotopy_bench.cli.report import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "slow = {'torch', 'numpy', 'scipy', 'pydantic', 'rich', 'matplotlib', 'hydra'} & sys.modules.keys()\n"
        "assert not slow, slow"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert "--baseline KEY=VALUE" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_report_never_loads_torch(outputs):
    code = (
        "import sys\nfrom homotopy_bench.cli.report import main\n"
        f"assert main([{str(outputs)!r}, '--curves']) == 0\nassert 'torch' not in sys.modules"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr


def test_the_module_runs_with_warnings_as_errors_and_keeps_to_columns(outputs):
    done = python("-W", "error", "-m", "homotopy_bench.cli.report", str(outputs), COLUMNS="100")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b[" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_an_output_that_takes_ascii_only_gets_ascii(outputs):
    done = python("-m", "homotopy_bench.cli.report", str(outputs), PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()


def test_the_public_names_can_be_imported():
    import homotopy_bench.report as room

    for name in room.__all__:
        assert getattr(room, name).__module__.startswith(("homotopy_bench.report.", "homotopy_bench.core."))


def test_a_page_is_written_and_says_what_made_it(outputs, tmp_path, capsys):
    page = tmp_path / "report.html"
    assert main([str(outputs), "--html", str(page)]) == 0
    content = page.read_text(encoding="utf-8")
    assert content.startswith("<!DOCTYPE html>")
    assert f"homotopy-report {outputs} --html {page}" in content
    assert "+11.00" in content
    assert main([str(outputs), "--html", str(page), "--anonymous"]) == 0
    assert str(tmp_path) not in page.read_text(encoding="utf-8")
    assert capsys.readouterr().err == ""


def test_a_page_finds_the_studies_below_the_folders_and_says_which_are_damaged(write_run, tmp_path, capsys):
    root, page = tmp_path / "outputs", tmp_path / "report.html"
    write_search(write_run, root / "studies" / "whole", TRIALS)
    (write_search(write_run, root / "studies" / "torn", TRIALS) / "multirun.yaml").write_text("hydra: {")
    assert main([str(root), "--html", str(page)]) == 0
    content = page.read_text(encoding="utf-8")
    assert "Learning rate and warm-up: whole" in content
    assert f"{root}/studies/torn" in content
    assert "multirun.yaml cannot be read" in content
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--anonymous"], "--anonymous"),
        (["--html", "no/such/folder/page.html"], "--html=no/such/folder/page.html"),
        (["--html", "same", "--json", "same"], "--html=same"),
    ],
)
def test_wrong_options_of_a_page_are_one_line(options, said, outputs, capsys):
    assert main([str(outputs), *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
