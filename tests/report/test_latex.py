"""The tables in LaTeX have the numbers of the JSON, and no name acts in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homotopy_bench.core.inert import inert
from homotopy_bench.report import build_report, read_runs
from homotopy_bench.report.cells import interval, name, percent
from homotopy_bench.report.latex import escaped, to_latex
from tests.report import tex

SPECIAL = "\\{}$&#%_^~<>|\"`[]*-',.=@!?/ \t\nab\u4e2d\u2026\xe9\x1b"


@given(st.text(st.sampled_from(SPECIAL)) | st.text())
def test_every_text_is_shown_as_it_is(text):
    source = escaped(text)
    assert source.isascii()
    expected = " ".join(text.split()).replace("\u2026", "...")
    assert tex.shown(source) == inert(expected).encode("ascii", "backslashreplace").decode()


@pytest.mark.parametrize(
    "live", ["a_b", "a%b", r"\input{x}", "x & y", "$x$x", "a^b", "a~b", "a--b", "[x]", "``", "}", "\xe9", r"\char341}"]
)
def test_what_acts_would_be_seen(live):
    with pytest.raises(AssertionError):
        assert tex.shown(live) == live


@pytest.fixture(name="report")
def _report(write_run, tmp_path):
    for seed in range(4):
        for dataset in ("mnist1d", "blobs"):
            write_run(tmp_path / f"b-{dataset}-{seed}", seed=seed, acc=0.5 + 0.01 * seed, dataset=dataset)
            collapsed = dataset == "blobs" and seed == 3
            write_run(
                tmp_path / f"h-{dataset}-{seed}", seed=seed, method="hta", dataset=dataset,
                acc=0.1 if collapsed else 0.6 + 0.02 * seed,
            )  # fmt: skip
    write_run(tmp_path / "alone", method="hta", model="cnn")
    write_run(tmp_path / "failed", status="failed", acc=None, reason="no memory")
    return build_report(read_runs([tmp_path]))


def test_there_is_a_table_a_section_with_its_protocol_its_seeds_and_its_intervals(report):
    found = tex.tables(to_latex(report))
    assert [table.label for table in found] == [f"tab:report-{number + 1}" for number in range(len(report.sections))]
    for table, section in zip(found, report.sections, strict=True):
        for key, value in section.protocol.items():
            assert f"{key}={value}" in table.caption
        assert section.dataset in table.caption
        compared = {(one.method, one.label): one for one in section.comparisons}
        assert len(table.rows) == 1 + len(section.rows)
        for cells, row in zip(table.rows[1:], section.rows, strict=True):
            bounds = interval(row.interval).replace("-", "--") if row.interval is None else interval(row.interval)
            assert cells[:4] == [name(row), str(row.runs), percent(row.mean), bounds]
            if one := compared.get((row.method, row.label)):
                assert cells[4] == f"{percent(one.mean_difference, sign=True)} ({one.pairs})"
                assert cells[5] == interval(one.interval, sign=True)
                assert cells[6:] == [f"{one.p_holm:.4f}", f"{one.cost_ratio:.2f}"]
            else:
                assert set(cells[4:]) <= {"--"}
    assert "Collapsed seeds, which no interval covers: hta 3." in found[0].caption
    assert "Not compared: no run of method baseline here." in " ".join(table.caption for table in found)


def test_the_command_is_a_comment_of_one_line(report):
    lines = to_latex(report, "homotopy-report 'a\n\\input{x}'").split("\n")
    assert lines[2] == r"% Made by: homotopy-report 'a\n\input{x}'"
    assert lines[1] == "% 17 runs in the tables, 1 folder not."


def test_a_report_without_runs_has_no_table(write_run, tmp_path):
    write_run(tmp_path / "failed", status="failed", acc=None)
    assert tex.tables(to_latex(build_report(read_runs([tmp_path])))) == []
