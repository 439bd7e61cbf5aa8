"""Studies of sources keep what their records say, and their claims are judged by what is kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean, stdev

import pytest
import reproduce
import scipy.stats
from reproductions import source_study
from reproductions.claims.claim import Claim, Finding, Verdict
from reproductions.claims.convexity import of_rates
from reproductions.claims.judging import of_a_gain, of_one_run, within
from reproductions.claims.kept import STUDIES, Kept, NotMeasured, run_interval
from reproductions.claims.page import SOURCES, judged, render
from reproductions.ledger import Ledger, Training
from reproductions.plan import Plan
from reproductions.search import Contender, search
from reproductions.source_study import NO_SEARCH, SourceStudy, measure, write_page
from reproductions.study import Train

from tests.cases import need_data
from tests.composing import compose

ROOT = reproduce.ROOT

SIGNALS = ("model.width=8", "dataset.samples=500", "training.epochs=6", "training.batch_size=32")
IMAGES = ("dataset.subset=300", "dataset.test_subset=100", "training.epochs=1")
REDUCED: dict[str, tuple[str, str | None, tuple[str, ...]]] = {
    "identity_homotopy_source": ("homotopy", None, (*SIGNALS, "model.depth=3")),
    "identity_homotopy_script": ("homotopy", None, (*SIGNALS, "model.depth=3")),
    "curvature_source": ("demonstration", "mnist", (*IMAGES, "lr_schedule.dense_steps=1")),
    "convexity_source": ("scheduled", "mnist", (*IMAGES, "training.batch_size=100")),
    "hta_vgg": (
        "vgg11_hta",
        "cifar10",
        ("model.width=0.05", "dataset.subset=32", "dataset.test_subset=16", "training.epochs=5"),
    ),
}
"""Study -> a row, the data that it needs, and what makes it small."""


@contextmanager
def in_this_process(_: int, train: Train) -> Iterator[Train]:
    yield train


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.data if data else ()) for name, (_, data, _) in REDUCED.items()]
)
def test_a_row_at_reduced_size(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row, data, small = REDUCED[name]
    if data is not None:
        need_data(data, compose("method=baseline").paths.data_root())
    monkeypatch.setattr(source_study, "processes", in_this_process)
    study = STUDIES[name]
    plan = Plan(tmp_path / "records", fast=True, seeds=2, only=[row], overrides=small)
    page = measure(study, plan, tmp_path / "page.md")
    folder = tmp_path / "records" / study.file(Path(), True).stem / "report" / row
    records = [json.loads((folder / str(seed) / "summary.json").read_text()) for seed in range(2)]
    kept = Ledger(tmp_path / "page.csv").reports(row)
    accuracies = [record["final"]["test_acc_target"] for record in records]
    assert [one.test_acc for one in kept] == pytest.approx(accuracies, abs=1e-6)
    assert (
        f"| {row.replace('_', ' ')} | 2 | **{100 * fmean(accuracies):.2f}** | {100 * stdev(accuracies):.2f} |" in page
    )
    if name.startswith("identity"):
        lines = [json.loads(line) for line in (folder / "0" / "metrics.jsonl").read_text().splitlines()]
        assert kept[0].figure("best_acc") == pytest.approx(max(line["val_acc_target"] for line in lines), rel=1e-5)
        assert kept[0].figure("path_acc") == pytest.approx(max(line["val_acc_path"] for line in lines), rel=1e-5)
    times = {file: file.stat().st_mtime_ns for file in folder.rglob("summary.json")}
    assert measure(study, plan, tmp_path / "page.md") == page
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("summary.json")} == times


@pytest.mark.parametrize("study", STUDIES.values(), ids=list(STUDIES))
def test_names_are_unique_and_fast_rows_are_rows(study: SourceStudy) -> None:
    full, fast = study.full.names(), study.fast.names()
    assert len(full) == len(set(full))
    assert set(fast) <= set(full)


def test_nothing_is_trained_where_nothing_is_searched() -> None:
    trials = search(Contender("x", ("method=baseline",), ()), NO_SEARCH, lambda _: pytest.fail("trained"))
    assert [(one.overrides, one.accuracies) for one in trials] == [("method=baseline", {})]


VALUES = [0.40, 0.44, 0.42, 0.47, 0.41]


def test_a_single_run_of_a_source_is_judged_by_students_intervals() -> None:
    mean, sd = fmean(VALUES), stdev(VALUES)
    low, high = scipy.stats.t.interval(0.95, 4, mean, sd * (1 + 1 / 5) ** 0.5)
    assert run_interval(VALUES) == pytest.approx((low, high))
    inner = scipy.stats.t.interval(0.95, 4, mean, sd / 5**0.5)
    for theirs, verdict in (
        (inner[1] - 1e-6, "holds"),
        (inner[0] + 1e-6, "holds"),
        (inner[1] + 1e-6, "holds in part"),
        (low + 1e-6, "holds in part"),
        (high + 1e-6, "refuted"),
        (low - 1e-6, "refuted"),
    ):
        assert of_one_run(VALUES, float(theirs)).verdict == verdict


def test_a_gain_holds_where_its_interval_is_above_zero() -> None:
    ahead = [value + 0.02 + 0.001 * index for index, value in enumerate(VALUES)]
    assert of_a_gain(ahead, VALUES) == Finding("45.0 +- 2.8 % against 42.8 +- 2.8 %: +2.2 points [+2.0, +2.4]", "holds")
    uneven = [value + (0.05 if index % 2 else -0.01) for index, value in enumerate(VALUES)]
    assert of_a_gain(uneven, VALUES).verdict == of_a_gain(VALUES, uneven).verdict == "not shown"
    assert of_a_gain(VALUES, ahead).verdict == "refuted"
    assert of_a_gain(ahead[:1], VALUES[:1]).verdict == of_one_run(VALUES[:1], 0.4).verdict == "not measured yet"
    assert [within(VALUES, *bounds) for bounds in ((0.42, 0.44), (0.46, 0.5), (0.5, 0.6))] == [
        "holds", "holds in part", "refuted",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("verdicts", "reliable", "expected"),
    [
        (("holds", "holds"), False, "holds"),
        (("holds", "holds"), True, "holds"),
        (("holds", "refuted"), False, "holds in part"),
        (("refuted", "refuted"), False, "refuted"),
        (("refuted", "refuted"), True, "holds in part"),
        (("not shown", "refuted"), False, "not shown"),
        (("not shown", "not shown"), False, "not shown"),
        (("not shown", "not shown"), True, "holds in part"),
        (("not measured yet", "holds"), True, "not measured yet"),
    ],
)
def test_a_claim_of_several_rates_needs_all_of_them(
    verdicts: tuple[Verdict, ...], reliable: bool, expected: Verdict
) -> None:
    assert of_rates(verdicts, reliable) == expected


def test_claims_read_the_full_protocol_first_and_their_own_settings_only(tmp_path: Path) -> None:
    study = STUDIES["convexity_source"]

    def keep(fast: bool, accuracies: list[float], more: str = "", row: str = "relu", first: int = 0) -> None:
        (own,) = (one for one in study.protocol(fast).rows["The four experiments, rate 1e-3"] if one.name == row)
        overrides = " ".join(own.overrides) + more
        Ledger(study.file(tmp_path, fast).with_suffix(".csv")).add(
            Training(row, "report", seed, overrides, "completed", 0.5, acc, None, 1, 1.0, 1.0, "c", "t", "p", "x=2")
            for seed, acc in enumerate(accuracies, start=first)
        )

    with pytest.raises(NotMeasured):
        Kept(tmp_path).values("convexity_source", "relu")
    keep(True, [0.1, 0.2])
    keep(True, [0.9, 0.9, 0.9], " training.epochs=3")
    assert Kept(tmp_path).values("convexity_source", "relu") == [0.1, 0.2]
    assert Kept(tmp_path).protocol("convexity_source", "relu") == "fast protocol"
    assert Kept(tmp_path).values("convexity_source", "relu", "x") == [2.0, 2.0]
    keep(True, [0.4, 0.5], row="scheduled", first=1)
    keep(False, [0.3])
    kept, rows = Kept(tmp_path), ("relu", "scheduled")
    assert kept.values("convexity_source", "relu") == [0.3]
    assert kept.protocol("convexity_source", "relu") == ""
    # Compared are runs of one protocol with the same seed.
    assert kept.paired("convexity_source", *rows) == [[0.2], [0.4]]
    assert kept.protocol("convexity_source", *rows) == "fast protocol"
    keep(False, [0.7], row="scheduled")
    assert Kept(tmp_path).paired("convexity_source", *rows) == [[0.3], [0.7]]


def test_a_claim_without_records_is_not_measured(tmp_path: Path) -> None:
    for source in SOURCES:
        verdicts = {claim.words: judged(claim, Kept(tmp_path)) for claim in source.claims}
        for claim in source.claims:
            if claim.command:
                assert verdicts[claim.words].verdict in ("not measured yet", "holds"), claim.words
                assert (verdicts[claim.words].verdict == "holds") == (verdicts[claim.words].ours == "the reference")
    claim = Claim("w", "1", "2", "", lambda kept: Finding(str(kept.functions()["minima"]), "holds"))
    (tmp_path / "hta_functions.json").write_text('{"minima": 21}')
    assert judged(claim, Kept(tmp_path)) == Finding("21", "holds")


def test_the_pages_are_what_the_records_give(tmp_path: Path) -> None:
    results = ROOT / "docs" / "results"
    assert (ROOT / "docs" / "RESULTS.md").read_text() == render(results)
    for study in STUDIES.values():
        for fast in (False, True):
            page = study.file(results, fast)
            if page.with_suffix(".csv").exists():
                written = write_page(study, fast, Ledger(page.with_suffix(".csv")), tmp_path / page.name)
                assert page.read_text() == written


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["convexity_source", "--only", "relu6"], "--only relu6: accepted: relu, scheduled"),
        (
            ["curvature_source", "optimizer.lr=0.05"],
            "optimizer.lr=0.05: rows constant and constant_high are the same with it",
        ),
    ],
)
def test_what_is_no_row_or_makes_two_rows_one_is_refused(
    words: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["reproduce.py", *words])
    with pytest.raises(SystemExit, match="2"):
        reproduce.main()
    assert says in capsys.readouterr().err
