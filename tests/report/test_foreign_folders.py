"""Folders that others made, damaged or hostile: the report is given, says what is wrong, and nothing in it acts."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from homotopy_bench.cli.report import main
from homotopy_bench.core.files import LARGEST_DOCUMENT, LARGEST_LINES
from homotopy_bench.core.inert import LONGEST
from homotopy_bench.report import build_report, print_report, read_runs
from tests.report import tex
from tests.report.conftest import write_run
from tests.report.html.parsed import Parsed
from tests.report.test_spreadsheet import FORMULA

Make = Callable[[Path], object]
"""Makes something of an ordinary run."""

LINE = b'{"epoch": 1, "val_acc_target": 0.4, "val_acc_path": 0.5}\n'


def metrics(content: bytes) -> Make:
    return lambda run: (run / "metrics.jsonl").write_bytes(content)


def summary(content: bytes) -> Make:
    return lambda run: (run / "summary.json").write_bytes(content)


def said(**changes: Any) -> Make:
    """A summary that says something else, as escapes of JSON."""

    def make(run: Path) -> None:
        file = run / "summary.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return make


def named(method: str) -> Make:
    def make(run: Path) -> None:
        config = json.loads((run / "summary.json").read_text())["config"]
        said(method=method, config=config | {"method": {"name": method}})(run)

    return make


def set_to(value: Any, key: str = "init", *overrides: str) -> Make:
    """A setting of a model that stands in the label of the run."""

    def make(run: Path) -> None:
        config = json.loads((run / "summary.json").read_text())["config"]
        config["model"] = config["model"] | {key: value}
        said(config=config, overrides=[f"model.{key}=x", *overrides])(run)

    return make


def replaced(name: str, make_other: Make) -> Make:
    def make(run: Path) -> None:
        (run / name).unlink()
        make_other(run / name)

    return make


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        place = Path.cwd()
        os.chdir(path.parent)  # the name of a socket has at most 107 bytes
        try:
            server.bind(path.name)
        finally:
            os.chdir(place)


def sparse(size: int) -> Make:
    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(size)

    return make


def unfinished(make_damage: Make, status: str = "") -> Make:
    def make(run: Path) -> None:
        said(status=status, final=None)(run) if status else (run / "summary.json").unlink()
        make_damage(run)

    return make


def moved(name: str) -> Make:
    def make(run: Path) -> None:
        (run / "summary.json").write_text("{")  # so that its folder is listed
        run.rename(run.with_name(name))

    return make


def nested(depth: int) -> dict[str, Any]:
    return {"a": nested(depth - 1)} if depth else {}


ESCAPE, CSI, OSC_52 = "\x1b[31mred\x1b[2J", "\x9b31mred", "\x1b]52;c;cm0gLXJmIC8=\x07"

FIGURE = {"of": {"split": "test", "samples": 9, "mode": "fast", "t": 1.0}, "result": {"trace": {"value": 10**400}}}

CURVES: dict[str, tuple[Make, str]] = {
    "a figure of 400 digits": (
        lambda run: (run / "landscape.json").write_text(json.dumps({"schema": 1, "entries": [FIGURE]})),
        "3 runs in the tables",
    ),
    "a cost of 400 digits": (
        metrics(LINE.replace(b"}", b', "cost": {"train_seconds": 1' + b"0" * 400 + b"}}")),
        "3 runs in the tables",
    ),
    "a line that is no JSON": (metrics(LINE + b'{"epoch": \n' + LINE), "metrics.jsonl is damaged at line 2: not a"),
    "a last line that is no JSON": (metrics(LINE + b"{\n"), "metrics.jsonl is damaged at line 2: not a JSON object"),
    "an empty line": (metrics(LINE + b"\n" + LINE), "metrics.jsonl is damaged at line 2: not a JSON object"),
    "a line of zeros": (metrics(LINE + b"\0" * 99 + b"\n" + LINE), "metrics.jsonl is damaged at line 2: not a JSON"),
    "a line that is no UTF-8": (metrics(b"\xff\xfe\n" + LINE), "metrics.jsonl is damaged at line 1: not a JSON object"),
    "a line of another type": (metrics(LINE + b"[1]\n"), "metrics.jsonl is damaged at line 2: not a JSON object"),
    "a deep line": (metrics(b"[" * 99999 + b"\n"), "metrics.jsonl is damaged at line 1: not a JSON object"),
    "a line without an epoch": (metrics(LINE + b"{}\n"), "metrics.jsonl is damaged at line 2: no epoch"),
    "an epoch that is a text": (metrics(b'{"epoch": "1"}\n'), "metrics.jsonl is damaged at line 1: no epoch"),
    "an epoch that is a list": (metrics(b'{"epoch": [1]}\n'), "metrics.jsonl is damaged at line 1: no epoch"),
    "an epoch that is infinite": (metrics(b'{"epoch": 1e999}\n'), "metrics.jsonl is damaged at line 1: no epoch"),
    "an accuracy that is a text": (metrics(LINE.replace(b"0.4", b'"x"')), "line 1: an accuracy that is no fraction"),
    "an accuracy that is huge": (metrics(LINE.replace(b"0.4", b"1e308")), "line 1: an accuracy that is no fraction"),
    "metrics that are a FIFO": (replaced("metrics.jsonl", os.mkfifo), "metrics.jsonl is a FIFO, not a regular file"),
    "metrics that are a folder": (replaced("metrics.jsonl", Path.mkdir), "metrics.jsonl is a directory, not a regular"),
    "metrics that are a device": (
        replaced("metrics.jsonl", lambda path: path.symlink_to("/dev/zero")),
        "metrics.jsonl is a device, not a regular file",
    ),
    "metrics without end": (replaced("metrics.jsonl", sparse(LARGEST_LINES + 1)), "metrics.jsonl is larger than 512"),
    "no metrics": (lambda run: (run / "metrics.jsonl").unlink(), "3 runs in the tables"),
    "empty metrics": (metrics(b""), "3 runs in the tables"),
    "a torn last line": (metrics(LINE + b'{"epo'), "3 runs in the tables"),
}
"""Damage of the metrics of a run that has ended: it counts, without a curve."""

LISTED: dict[str, tuple[Make, str]] = {
    "running, a bad line": (
        unfinished(metrics(LINE + b"{\n" + LINE)),
        "damaged     {run}: metrics.jsonl is damaged at",
    ),
    "running, a FIFO": (unfinished(replaced("metrics.jsonl", os.mkfifo)), "damaged     {run}: metrics.jsonl is a FIFO"),
    "interrupted, a bad line": (
        unfinished(metrics(LINE + b"{\n" + LINE), "interrupted"),
        "interrupted {run}: no reason given; metrics.jsonl is damaged at line 2: not a JSON object",
    ),
    "a summary that is a FIFO": (replaced("summary.json", os.mkfifo), "summary.json is a FIFO, not a regular file"),
    "a summary that is a socket": (replaced("summary.json", bound), "summary.json is a socket, not a regular file"),
    "a summary that is a folder": (replaced("summary.json", Path.mkdir), "summary.json is a directory, not a regular"),
    "a summary without end": (
        replaced("summary.json", sparse(LARGEST_DOCUMENT + 1)),
        "summary.json is larger than 4",
    ),
    "a summary that is no UTF-8": (summary(b"\xff"), "summary.json is not UTF-8 text (byte 0)"),
    "a deep summary": (summary(b"[" * 99999), "summary.json is not whole JSON: "),
    "a summary with a long integer": (summary(b'{"schema": ' + b"1" * 9999 + b"}"), "summary.json is not whole JSON: "),
    "a summary of a long schema": (said(schema="x" * 10**6), "has schema xxx"),
    "a summary with a key of pydantic": (said(__dataclass_self__=1), "3 runs in the tables"),
    "a summary with a lone surrogate for a key": (
        said(**{"\ud800": 1}),
        "breaks schema 1 at a key: Input",
    ),
    "a configuration that is a FIFO": (replaced(".hydra/config.yaml", os.mkfifo), "3 runs in the tables"),
    "a seed without end": (
        lambda run: (run / ".hydra" / "config.yaml").write_text(f"seed: {'1' * 9999}\n"),
        "3 runs in the tables",
    ),
    "a deep configuration": (said(config=nested(300)), "breaks schema 1 at config."),
    "a configuration of many settings": (
        said(config={f"k{key}": key for key in range(9999)}),
        "breaks schema 1 at config: Value error, more than 2000 settings",
    ),
    "many overrides": (said(overrides=["a=1"] * 9999), "breaks schema 1 at overrides: Tuple should have at most 2000"),
    "a cost that is huge": (said(cost={"forward_equivalents": 1e308}), "3 runs in the"),
}
"""Damage of a summary, of a configuration, and of the metrics of a run that has not ended."""

SHOWN: dict[str, tuple[Make, str]] = {
    "an escape sequence": (named(ESCAPE), r"\x1b[31mred\x1b[2J"),
    "a control character of eight bits": (named(CSI), r"\x9b31mred"),
    "a command for the clipboard": (named(OSC_52), r"\x1b]52;c;cm0gLXJmIC8=\x07"),
    "an override of direction": (named("\u202egpj.exe\u2066\u200f"), r"\u202egpj.exe\u2066\u200f"),
    "separators of lines": (named("a\u2028b\u2029c\x85d"), r"a\u2028b\u2029c\x85d"),
    "a lone surrogate": (named("\ud800"), r"\ud800"),
    "a lone surrogate in a setting": (set_to("\udcff"), r"model.init=\udcff"),
    "a lone surrogate in a key": (set_to(1, "\udcff"), r"model.\udcff=1"),
    "mathematics": (named("$x^$"), "$x^$"),
    "mathematics with braces": (named(r"$\frac{$ \$"), r"$\frac{$ \$"),
    "a name that a legend leaves out": (named("_hidden"), "_hidden"),
    "letters that no font has": (named("\u4e2d\u6587 \U0001f600"), "\u4e2d\u6587 \U0001f600"),
    "a name of a megabyte": (named("n" * 10**6), f"{'n' * 100}…{'n' * 99}"),
    "a name of many lines": (named("a\n" * 999), r"a\na\na\na"),
    "a setting of a megabyte": (set_to("v" * 10**6), "model.init=vvvvv"),
    "a setting of bad keys": (set_to(1, "k" * 10**6), "model.kkkkk"),
    "an image": (named("![x](http://evil.example/x.png)"), "![x](http://evil.example/x.png)"),
    "a link to a script": (named("[x](javascript:alert(1))"), "[x](javascript:alert(1))"),
    "bare addresses": (named("http://evil.example WWW.evil.example a@evil.example"), "http://evil.example WWW.evil"),
    "a link in angle brackets": (named("<http://evil.example>"), "<http://evil.example>"),
    "markup of HTML": (named("<script>alert(1)</script>&lt;"), "<script>alert(1)</script>&lt;"),
    "a code span and a cell": (named("`a` | b \\| c"), "`a` | b \\| c"),
    "markup of rich": (named("[bold red]hta[/] [link=http://evil.example]x[/link]"), "[bold red]hta[/] [link="),
    "a formula": (named("=cmd|' /C calc'!A0"), "=cmd|' /C calc'!A0"),
    "a formula behind a blank": (named(" @SUM(1)"), "@SUM(1)"),
    "a formula behind a semicolon": (set_to('a;=1+1;"-2'), 'model.init=a;=1+1;"-2'),
    "a formula of full width": (named("\uff1d1+1"), "\uff1d1+1"),
    "a cell and a line of CSV": (named('a","b\r\n=1'), r'a","b'),
    "a command of TeX": (named(r"\input{/etc/passwd}\write18{id}"), r"\input{/etc/passwd}\write18{id}"),
    "a character of TeX by its number": (named("^^5cinput{x}"), "^^5cinput{x}"),
    "the end of a table of TeX": (named(r"}\end{tabular}\end{table}\relax"), r"}\end{tabular}\end{table}\relax"),
    "a comment and a cell of TeX": (named("a%b & c_d # ~ x"), "a%b & c_d # ~ x"),
    "options of the row of TeX above": (set_to("[9cm]*"), "model.init=[9cm]*"),
    "an option of TeX as a name": (named("[9cm]*"), "[9cm]*"),
    "an override with markup": (
        set_to("<img src=x onerror=alert(1)>", "init", "a=<script>"),
        "model.init=<img src=x onerror=alert(1)>",
    ),
    "an end of a script": (named("</script><svg onload=alert(1)>"), "</script><svg onload=alert(1)>"),
    "a reason with markup, a formula and TeX": (
        said(status="failed", reason=r"=1+1 <script>alert(1)</script> \input{x} [x](javascript:alert(1))"),
        r"=1+1 <script>alert(1)</script> \input{x} [x](javascript:alert(1))",
    ),
    "a reason with an escape": (said(status="failed", reason=ESCAPE), r"\x1b[31mred\x1b[2J"),
    "a reason of a megabyte": (said(status="failed", reason="r" * 10**6), "rrr…rrr"),
    "a processor with an escape": (
        said(environment={"processor": ESCAPE}),
        r"processor \x1b[31mred\x1b[2J, a proc",
    ),
    "a version with an escape": (said(code_version=ESCAPE), r"Made with code \x1b[31mred\x1b[2J, 0.1.0"),
    "a data set with an escape": (said(dataset=ESCAPE), r"== \x1b[31mred\x1b[2J / mlp =="),
    "a folder with an escape": (moved(ESCAPE), r"/\x1b[31mred\x1b[2J: summary.json"),
    "a folder of two lines": (moved("a\n## b\n![x](y)"), r"/a\n## b\n![x](y): summary.json"),
    "a folder that is no UTF-8": (moved("\udcff"), r"/\udcff: summary.json"),
}
"""Names and reasons that would act."""

CASES = CURVES | LISTED | SHOWN

LIVE = {"link_open", "image", "html_block", "html_inline", "code_inline", "em_open", "s_open", "fence"}
"""What text may become in Markdown."""


def live(markdown: str) -> set[str]:
    """What a parser finds in a page, and addresses that GitHub makes links of."""
    found = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    types = {token.type for one in found for token in (one, *(one.children or ()))}
    return types & LIVE | set(re.findall(r"(?i)https?://|www\.|(?<!\\)@", markdown))


def test_hostile_markdown_would_be_seen() -> None:
    for text in ("![x](y)", "[x](y)", "<b>", r"\\<b>", "<http://x>", "`x`", "_x_", "http://x", "WWW.x", "a@b"):
        assert live(f"| {text} |\n|---|\n"), text
    assert not live(r"\!\[x\](y) http\://x \\\<b\> a\@b x_y_z")


def page_files(page: str) -> list[str]:
    """Return the CSV files that a page embeds, after a look for whatever could act on it."""
    parsed = Parsed(page)
    assert (parsed.elements["script"], parsed.elements["style"]) == (2, 1)
    assert not set(parsed.elements) & {"img", "b", "bold", "iframe", "object", "embed", "form", "base", "link"}
    for _, key, value in parsed.attributes:
        assert not key.startswith("on")
        assert key != "href" or value.startswith("#")
    embedded: dict[str, str] = json.loads(parsed.contents["script"][0])
    return [content for name, content in embedded.items() if name.endswith(".csv")]


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


OPTIONS = {
    **{"md": "--markdown", "json": "--json", "svg": "--figure"},
    **{"tex": "--latex", "csv": "--csv", "html": "--html"},
}


@pytest.fixture(name="runs", scope="module")
def _runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two ordinary runs, beside which a third stands in every case."""
    folder = tmp_path_factory.mktemp("ordinary")
    for method in ("baseline", "hta"):
        metrics(LINE + LINE.replace(b"1", b"2"))(write_run(folder / method, method=method))
    return folder


@pytest.mark.parametrize("case", CASES)
def test_a_foreign_folder_spoils_nothing(
    case: str, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "9999")
    make, words = CASES[case]
    run = write_run(tmp_path / "runs" / "odd", seed=1)
    metrics(LINE)(run)
    make(run)
    files = {name: tmp_path / f"report.{name}" for name in OPTIONS}
    if case in LISTED:  # the picture would be that of the ordinary runs
        del files["svg"]
    options = [word for name, file in files.items() for word in (OPTIONS[name], str(file))]
    assert main([str(runs), str(tmp_path / "runs"), *options]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert words.replace("{run}", str(run)) in out
    assert "hta" in out
    assert re.match("[23] runs in the tables", out)
    texts = {"out": out, **{name: file.read_bytes().decode() for name, file in files.items()}}
    for name, text in texts.items():
        assert all(line.isprintable() for line in text.split("\r\n" if name == "csv" else "\n"))
        # A page has everything in two lines.
        assert name == "html" or max(map(len, text.split("\n"))) < 3 * LONGEST
    assert not live(texts["md"].partition("## Made by")[0])
    json.loads(texts["json"], parse_constant=pytest.fail)
    assert len(tex.tables(texts["tex"])) >= 1
    for csv_file in (texts["csv"], *page_files(texts["html"])):
        lines = list(csv.reader(io.StringIO(csv_file, newline="")))
        assert len(set(map(len, lines))) == 1
        assert not [cell for line in lines for cell in line if FORMULA.search(cell) and not is_number(cell)]
    if "svg" not in texts:
        return
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(texts["svg"]).iter()}
    assert not tags & {"script", "a", "image", "foreignObject"}
    assert "<!-- hta" in texts["svg"]  # what the letters that are drawn below spell


def test_the_text_is_printed_first_and_a_picture_that_cannot_be_drawn_is_said(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is no LaTeX
    with mpl.rc_context({"text.usetex": True}):
        words = ["--json", str(tmp_path / "a.json"), "--figure", str(tmp_path / "a.png")]
        assert main([str(runs), *words]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("2 runs in the tables")
    (line,) = err.splitlines()
    assert line.startswith(f"homotopy-report: --figure={tmp_path / 'a.png'}: cannot be drawn (RuntimeError: ")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("make", [lambda run: (run / "summary.json").unlink(), summary(b'{"sche')])
def test_a_report_taken_before_any_run_has_ended_is_given_and_drawn(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(write_run(tmp_path / "runs" / "0"))
    assert main([str(tmp_path / "runs"), "--figure", str(tmp_path / "a.svg")]) == 0
    assert capsys.readouterr().out.startswith("0 runs in the tables, 1 folder not")
    assert "<!-- no finished run -->" in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_names_are_shown_where_the_output_lacks_their_letters(runs: Path, tmp_path: Path, encoding: str) -> None:
    named("\u4e2d")(write_run(tmp_path / "odd"))
    with (tmp_path / "out").open("w", encoding=encoding) as file:
        print_report(build_report(read_runs([runs, tmp_path / "odd"])), Console(file=file, width=200))
    assert "\\u4e2d" in (tmp_path / "out").read_text(encoding=encoding)


def test_a_name_that_is_too_long_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["\x1b[31m" + "x" * 10**6]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(r"homotopy-report: PATH=\x1b[31mxxx")
    assert line.endswith("does not exist; accepted: a run folder or a folder that holds some")
    assert len(line) < 2 * LONGEST
