"""``homotopy-report --watch``: a page is renewed until Ctrl-C, whatever happens to the folders meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from homotopy_bench.cli import watch as watching
from homotopy_bench.cli.report import main
from homotopy_bench.core.errors import InputError
from tests.report.conftest import write_run
from tests.report.html.parsed import Parsed

LINE = '{"epoch": 1, "t": 1.0, "val_acc_target": 0.5, "val_acc_path": 0.5}\n'


@pytest.fixture(name="pauses")
def _pauses(monkeypatch: pytest.MonkeyPatch) -> Callable[[Iterator[object]], list[float]]:
    """Let something happen at every pause, and Ctrl-C end the watch after the last; return how long they were to be."""

    def pauses(happening: Iterator[object]) -> list[float]:
        waited: list[float] = []

        def sleep(seconds: float) -> None:
            waited.append(seconds)
            try:
                next(happening)
            except StopIteration:
                raise KeyboardInterrupt from None

        monkeypatch.setattr(watching, "sleep", sleep)
        monkeypatch.setenv("HYDRA_FULL_ERROR", "1")  # so that what fails in a pause is seen
        return waited

    return pauses


def test_every_state_of_a_running_multirun_makes_a_page_or_a_line(tmp_path, pauses, capsys):
    runs, page = tmp_path / "runs", tmp_path / "page.html"
    said: list[str] = []

    def last() -> str:
        said.extend(capsys.readouterr().err.splitlines())
        return said[-1].removeprefix("homotopy-report: ")

    def overview() -> str:
        return next(words for words in Parsed(page.read_text()).words if "in the tables" in words)

    def happening() -> Iterator[None]:
        assert last() == (
            f"not renewed, tried again every 7 s: PATH={runs}: does not exist; "
            "accepted: a run folder or a folder that holds some"
        )
        assert not page.exists()
        runs.mkdir()
        yield
        assert "no run found" in last()
        (runs / "0" / ".hydra").mkdir(parents=True)
        yield
        assert last() == f"{page}: 0 runs in the tables, 1 folder not; 1 running"
        (runs / "0" / "metrics.jsonl").write_text(LINE + LINE[:20])
        yield
        assert "last evaluation at epoch 1" in page.read_text()
        (runs / "0" / "summary.json").write_text('{"schema": 1, "sta')
        yield
        assert last() == f"{page}: 0 runs in the tables, 1 folder not; 0 running"
        shutil.rmtree(runs / "0")
        write_run(runs / "0")
        write_run(runs / "1", seed=1)
        yield
        assert last() == f"{page}: 2 runs in the tables, 0 folders not; 0 running"
        before = page.read_bytes()
        with page.open("rb") as reader:  # who reads has the old page or the new one
            shutil.rmtree(runs / "1")
            yield
            assert reader.read() == before
        assert overview() == "1 run in the tables, 0 folders not."
        page.unlink()
        page.mkdir()
        yield
        assert "accepted: the name of a file to write" in last()
        page.rmdir()
        yield
        assert overview() == "1 run in the tables, 0 folders not."
        summary = write_run(runs / "1", status="failed") / "summary.json"
        summary.unlink()
        os.mkfifo(summary)
        yield
        assert "summary.json is a FIFO" in page.read_text()
        assert last() == f"{page}: 1 run in the tables, 1 folder not; 0 running"
        yield
        assert capsys.readouterr().err == ""  # nothing is said where nothing has changed

    waited = pauses(happening())
    assert main([str(runs), "--html", str(page), "--watch", "7"]) == 130
    assert set(waited) == {7.0}
    assert capsys.readouterr().err == "homotopy-report: interrupted\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "runs"]


def test_folders_that_are_written_and_removed_meanwhile_spoil_no_renewal(tmp_path, pauses, capsys):
    runs, page, ended = tmp_path / "runs", tmp_path / "page.html", threading.Event()
    write_run(runs / "stays")
    model = (runs / "stays" / "summary.json").read_text()

    def disturb() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            folder = write_run(runs / f"{number % 5}", seed=number % 5 + 1)
            for cut in (len(model), 0, 700):
                (folder / "summary.json").write_text(json.dumps(json.loads(model) | {"seed": 9})[:cut])
                (folder / "metrics.jsonl").write_text((LINE * 4)[: 3 * cut // 10])
            shutil.rmtree(folder)

    def happening() -> Iterator[None]:
        for _ in range(25):
            Parsed(page.read_text())
            yield
        ended.set()

    writer = threading.Thread(target=disturb, daemon=True)
    pauses(happening())
    writer.start()
    try:
        assert main([str(runs), "--html", str(page), "--watch", "1"]) == 130
    finally:
        ended.set()
        writer.join()
    *lines, end = capsys.readouterr().err.splitlines()
    assert end == "homotopy-report: interrupted"
    assert lines
    assert all(line.startswith(f"homotopy-report: {page}: ") and "in the tables" in line for line in lines)


def test_any_failure_is_a_line_and_said_once_until_another_comes(pauses):
    failures = [
        OSError(28, "No space left on device"),
        ValueError("x\n\x1b[31m"),
        ValueError("x\n\x1b[31m"),
        None,
        None,
    ]
    said: list[str] = []

    def renew() -> str:
        failure = failures.pop(0)
        if failure is not None:
            raise failure
        return "renewed \x1b[2J"

    pauses(iter(range(4)))
    with pytest.raises(KeyboardInterrupt):
        watching.watch(renew, 2.0, said.append, [])
    assert [line.split("; what")[0].split(" (HYDRA")[0] for line in said] == [
        "not renewed, tried again every 2 s: No space left on device",
        r"not renewed, tried again every 2 s: ValueError: x \x1b[31m",
        r"renewed \x1b[2J",
    ]


def test_names_in_its_lines_are_inert(tmp_path, pauses, capsys):
    runs = tmp_path / "\x1b[31m\u202e\n=1"
    write_run(runs, init="\x1b[2J\n")
    pauses(iter(()))
    for more in ((), ("--baseline", "model.init=\x9b31m")):
        assert main([str(runs), "--html", str(runs / "page.html"), "--watch", "1", *more]) == 130
    lines = capsys.readouterr().err.split("\n")
    assert len(lines) == 5
    assert all(line.isprintable() for line in lines)
    assert r"\x1b[31m\u202e\n=1/page.html: 1 run in the tables" in lines[0]
    assert lines[2].startswith("homotopy-report: not renewed, tried again every 1 s: --baseline model.init=")
    assert r"\x1b[2J" in lines[2]


def test_the_page_says_that_it_is_renewed_and_an_anonymous_one_not_when(tmp_path, pauses):
    write_run(tmp_path / "runs")
    pauses(iter(()))
    pages = {}
    for more in ((), ("--anonymous",)):
        page = tmp_path / "page.html"
        assert main([str(tmp_path / "runs"), "--html", str(page), "--watch", "12.5", *more]) == 130
        pages[more] = page.read_text()
        parsed = Parsed(pages[more])
        assert ("p", "data-seconds", "12.5") in parsed.attributes
        assert ("meta", "http-equiv", "refresh") in parsed.attributes
        assert ("meta", "content", "13") in parsed.attributes
        assert any("made anew every 12.5 s while its command runs" in words for words in parsed.words)
    assert "this one was made at 20" in pages[()]
    assert "this one was made at" not in pages[("--anonymous",)]
    assert main([str(tmp_path / "runs"), "--html", str(tmp_path / "page.html")]) == 0
    once = (tmp_path / "page.html").read_text()
    assert 'id="renewal"' not in once
    assert 'http-equiv="refresh"' not in once


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--watch", "0"], "--watch=0: accepted: seconds > 0 and <= 86400"),
        (["--watch", "-1"], "--watch=-1: accepted: seconds > 0 and <= 86400"),
        (["--watch", "nan"], "--watch=nan: accepted: seconds > 0 and <= 86400"),
        (["--watch", "inf"], "--watch=inf: accepted: seconds > 0 and <= 86400"),
        (["--watch=90000"], "--watch=90000: accepted: seconds > 0 and <= 86400"),
        (["--watch", "5", "--latex", "x.tex"], "--watch=5: accepted: without --latex; it renews the page alone"),
        (["--watch", "5", "--curves"], "--watch=5: accepted: without --curves; it renews the page alone"),
        (["--watch", "soon"], "--watch=soon: accepted: a number"),
        (["--watch"], "--watch: accepted: one value behind it"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(words, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    try:
        code: object = main(["nowhere", "--html", "page.html", *words])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert capsys.readouterr().err == f"homotopy-report: {line}\n"


def test_without_a_page_there_is_nothing_to_renew(capsys):
    assert main(["nowhere", "--watch", "5"]) == 2
    assert capsys.readouterr().err == (
        "homotopy-report: --watch=5: accepted: together with --html FILE, the page that it renews\n"
    )
    with pytest.raises(InputError):
        watching.check_seconds("--watch", float("nan"))


def test_a_signal_ends_a_process_that_waits(tmp_path):
    write_run(tmp_path / "runs")
    command = [sys.executable, "-m", "homotopy_bench.cli.report", str(tmp_path / "runs")]
    command += ["--html", str(tmp_path / "page.html"), "--watch", "3600"]
    # What a shell has begun in the background ignores the signal, and so would what it begins.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        assert process.stderr is not None
        assert "1 run in the tables" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "homotopy-report: interrupted\n"
    assert process.returncode == 130
