"""The CSV of a report: RFC 4180, the numbers of the JSON, no formula."""

from __future__ import annotations

import csv
import io
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homotopy_bench.core.inert import inert, inert_cell
from homotopy_bench.report import build_report, read_runs
from homotopy_bench.report.spreadsheet import csv_text, to_csv

FORMULA = re.compile(r"(?:^|;)[ \"]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""Where a spreadsheet finds a formula, cells ended by commas or by semicolons."""


@pytest.fixture(name="report")
def _report(write_run, tmp_path):
    for seed in range(3):
        write_run(tmp_path / f"b{seed}", seed=seed, acc=0.5 + 0.01 * seed, val=0.5)
        write_run(tmp_path / f"h{seed}", seed=seed, acc=0.6 - 0.02 * seed, method="hta", products=100)
    write_run(tmp_path / "alone", method="hta", model="cnn")
    return build_report(read_runs([tmp_path]))


def test_every_row_has_a_line_with_its_numbers_and_its_comparison(report):
    found = list(csv.DictReader(io.StringIO(to_csv(report))))
    expected = [(section, row) for section in report.sections for row in section.rows]
    assert len(found) == len(expected) == 3
    for line, (section, row) in zip(found, expected, strict=True):
        assert (line["dataset"], line["model"], line["method"]) == (section.dataset, section.model, row.method)
        assert f"training.batch_size={section.protocol['training.batch_size']}" in line["protocol"]
        assert (int(line["runs"]), float(line["mean"])) == (row.runs, row.mean)
        assert (line["interval_low"] == "") == (row.interval is None)
        if row.interval is not None:
            assert float(line["interval_low"]) == row.interval.low
        one = next((one for one in section.comparisons if (one.method, one.label) == (row.method, row.label)), None)
        assert (line["baseline"], line["beats"]) == (("", "") if one is None else ("baseline", "false"))
        if one is not None:
            assert float(line["p_holm"]) == one.p_holm
            assert float(line["mean_difference"]) == one.mean_difference
            assert [float(line[f"difference_{end}"]) for end in ("low", "high")] == [
                one.interval.low,
                one.interval.high,
            ]


@settings(max_examples=50)
@given(st.lists(st.text() | st.floats() | st.none() | st.integers(), min_size=2, max_size=2))
def test_lines_are_those_of_the_rfc(cells):
    text = csv_text(("a", "b"), [cells])
    head, line, end = text.split("\r\n")
    assert (head, end) == ("a,b", "")
    assert "\n" not in line
    # As the grammar of the RFC has it: a cell in quotes, in which a quote is doubled, or one without quotes and commas.
    found = re.fullmatch(r'("(?:[^"]|"")*"|[^",]*),("(?:[^"]|"")*"|[^",]*)', line)
    assert found
    read = [cell[1:-1].replace('""', '"') if cell.startswith('"') else cell for cell in found.groups()]
    for cell, value in zip(read, cells, strict=True):
        if isinstance(value, float) and not math.isnan(value):
            assert float(cell) == value
        elif isinstance(value, str):
            assert cell.replace("'", "") == inert(value).replace("'", "")


@given(st.text(st.sampled_from("=+-@;, \t\r\n\"'|a1\uff1d\uff20")))
def test_no_text_is_a_formula(text):
    assert not FORMULA.search(str(inert_cell(text)))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", " =1", ";=1", "a; -1", '"=1', "\uff1d1", ';"+1'])
def test_what_is_a_formula_would_be_seen(text):
    assert FORMULA.search(text)
    assert inert_cell(text) != text
