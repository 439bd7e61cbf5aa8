"""homotopy-functions: table, CSV and JSON agree; a wrong input is one line and exit code 2; an answer at once."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest

from homotopy_bench.cli.functions import METHOD_NAMES, _parser, main
from homotopy_bench.functions.counting import ANCHORED, WITHOUT_ANCHOR, Count
from homotopy_bench.functions.output import to_text
from homotopy_bench.functions.table1 import paper_says

ROOT = Path(__file__).parent.parent.parent
SMALL = ["count", "levy", "--range", "-2", "4", "--points", "3"]
KEYS = ["dimension", "method", "anchor", "starts", "found", "iterations"]


def error_line(capsys, *arguments: str) -> str:
    try:
        code = main(list(arguments))
    except SystemExit as stopped:
        code = int(str(stopped.code))
    captured = capsys.readouterr()
    out, err = str(captured.out), str(captured.err)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_a_negative_number_with_an_exponent_is_no_option(capsys):
    assert main(["count", "levy", "--range", "-1e-1", "-.5E-2", "--points", "2"]) == 0
    assert "plain" in capsys.readouterr().out


@pytest.mark.parametrize("unbuffered", ["1", ""])
def test_a_reader_who_has_seen_enough_is_no_error(unbuffered):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "homotopy_bench.cli.functions", *SMALL]
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            command, stdout=closed, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": unbuffered}
        )
    assert (done.returncode, done.stderr) == (1, b"")


def test_table_csv_and_json_say_the_same(tmp_path, capsys):
    as_csv, as_json = tmp_path / "rows.csv", tmp_path / "rows.json"
    assert main([*SMALL, "--anchor", "2", "4", "--csv", str(as_csv), "--json", str(as_json)]) == 0
    rows = json.loads(as_json.read_text())
    assert [list(row) for row in rows] == [KEYS] * 5
    assert [(row["method"], row["anchor"]) for row in rows] == [
        ("plain", None),
        ("homotopy", 2.0),
        ("homotopy", 4.0),
        ("control", 2.0),
        ("control", 4.0),
    ]
    assert all(row["dimension"] == 2 and row["starts"] == 9 and 0 <= row["found"] <= 9 for row in rows)
    assert rows[1]["found"] == rows[3]["found"] == 9
    with as_csv.open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [{key: "" if row[key] is None else str(row[key]) for key in KEYS} for row in rows] == read
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:5] for line in lines[1:]] == [
        [
            str(row["dimension"]),
            row["method"],
            "-" if row["anchor"] is None else f"{row['anchor']:g}",
            str(row["starts"]),
            str(row["found"]),
        ]
        for row in rows
    ]


def test_the_papers_counts_stand_beside_the_rows_they_belong_to():
    counts = [
        Count(4, "plain", None, 1296, 11, 1.0),
        Count(4, "homotopy", 2.0, 1296, 22, 1.0),
        Count(4, "homotopy", "start", 1296, 33, 1.0),
        Count(4, "homotopy_g0", 2.0, 1296, 33, 1.0),
        Count(4, "control", 2.0, 1296, 44, 1.0),
        Count(4, "plain", None, 1, 0, 7.0),
        Count(4, "homotopy", "start", 1, 0, 41.0),
    ]
    assert [line.split()[-1] for line in to_text(counts, paper_says).splitlines()[:6]] == [
        "paper",
        "864",
        "1296",
        "1296",
        "-",
        "-",
    ]
    assert [paper_says(one) for one in counts[-2:]] == ["not found, 8 steps", "found, 14 steps"]


def test_the_command_offers_every_method():
    assert {*WITHOUT_ANCHOR, *ANCHORED} == set(METHOD_NAMES)


def test_the_picture_is_a_png(tmp_path):
    file = tmp_path / "levy.png"
    assert main(["picture", "levy", str(file), "--range", "-6", "6", "--points", "2"]) == 0
    pixels = matplotlib.image.imread(file)
    assert pixels.shape[0] > 400
    assert pixels.shape[1] > 800
    assert pixels.std() > 0.05


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*SMALL, "--dimension", "3"], "--dimension=3: accepted: an even integer"),
        ([*SMALL, "--dimension", "0"], "--dimension=0: accepted"),
        ([*SMALL, "--dimension", "two"], "--dimension=two: accepted: an integer"),
        (["count", "levi"], "PROBLEM=levi: accepted: levy"),
        (["count", "levy", "--points", "1"], "--points=1: accepted: an integer >= 2"),
        (["count", "levy", "--points", "30", "--dimension", "6"], "30^6 starts are too many"),
        (["count", "levy", "--range", "3", "-3"], "--range=3,-3: accepted: two numbers LOW HIGH"),
        (["picture", "ackley", "x.png", "--range", "-1e308", "1e308"], "--range=-1e+308,1e+308: accepted: two numbers"),
        (["count", "levy", "--range", "0", "inf"], "--range=0,inf: accepted: two numbers LOW HIGH"),
        ([*SMALL, "--anchor", "nan"], "--anchor=nan: accepted: a finite number, start or random"),
        ([*SMALL, "--method", "magic"], "--method=magic: accepted: plain, scipy, homotopy, control"),
        ([*SMALL, "--json", "nowhere/rows.json"], "--json=nowhere/rows.json: accepted: a file in a folder that exists"),
        (["picture", "levy", "."], "FILE=.: accepted: the name of a file"),
        (["picture", "levy", "x.png", "--points", "9"], "--points=9: accepted: at most 36 paths"),
        (["picture", "levy", "x.png", "--anchor", "inf"], "--anchor=inf: accepted: a finite number, start or random"),
        (["tables"], "COMMAND=tables: accepted: table1, count, picture; did you mean 'table1'?"),
        ([], "COMMAND"),
    ],
)
def test_a_wrong_input_is_one_line_and_exit_code_2(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line = error_line(capsys, *arguments)
    assert said in line
    assert line.startswith("homotopy-functions")
    assert list(tmp_path.iterdir()) == []


def test_the_documented_commands_parse():
    pages = [ROOT / "README.md", ROOT / "docs" / "functions.md"]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    commands = re.findall(r"^ {4}homotopy-functions (.*)$", text, re.MULTILINE)
    assert len(commands) >= 4
    for command in commands:
        _parser().parse_args(shlex.split(command))


def test_help_loads_nothing_heavy():
    script = (
        "import sys\n"
        "from homotopy_bench.cli.functions import main\n"
        "try:\n    main(['count', '--help'])\n"
        "except SystemExit as stopped:\n    assert stopped.code == 0\n"
        "print('heavy:', [name for name in ('numpy', 'scipy', 'torch', 'matplotlib') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"
