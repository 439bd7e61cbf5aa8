"""The sentence of a section agrees with its verdicts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from homotopy_bench.report import BaselineChoice, Section, build_report, read_runs
from homotopy_bench.report.html.headline import headline
from homotopy_bench.report.verdict import verdicts


@pytest.fixture(name="section_of")
def _section_of(write_run, tmp_path):
    def section_of(gains: Sequence[float]) -> Section:
        """Return a section with ten seeds of a baseline, and of a row for each gain in accuracy."""
        for seed in range(10):
            write_run(tmp_path / f"b{seed}", seed=seed, acc=0.5 + 0.001 * seed)
            for number, gain in enumerate(gains):
                acc = 0.5 + 0.001 * seed + gain * (1 + 0.01 * seed)
                write_run(tmp_path / f"m{number}-{seed}", method=f"m{number}", seed=seed, acc=acc)
        return build_report(read_runs([tmp_path])).sections[0]

    return section_of


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ((0.05, -0.05), "m0 beats baseline; the other one does not."),
        ((0.05, 0.06, -0.05, -0.06), "m1, m0 beat baseline; the other 2 do not."),
        ((-0.05, -0.06), "None of 2 compared rows beats baseline."),
        ((0.05, 0.06, 0.07, 0.08), "m3, m2, m1 and 1 more row beat baseline."),
    ],
)
def test_the_sentence_names_the_rows_that_beat_the_baseline(gains, said, section_of):
    section = section_of(gains)
    assert isinstance(section.baseline, BaselineChoice)
    assert headline(section) == said
    assert sum(" beats " in one for one in verdicts(section)) == sum(gain > 0 for gain in gains)


def test_a_single_comparison_and_none_have_their_verdict(section_of, write_run, tmp_path):
    section = section_of((0.05,))
    assert (headline(section),) == verdicts(section)
    for seed in range(2):
        write_run(tmp_path / "none" / str(seed), method="hta", seed=seed, model="cnn")
    alone = build_report(read_runs([tmp_path / "none"])).sections[0]
    assert (headline(alone),) == verdicts(alone)
