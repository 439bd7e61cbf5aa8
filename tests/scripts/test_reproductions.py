"""A study spends what it says, is not done twice, and its table says what the records say."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

import pytest
import reproduce
import scipy.stats
from reproductions.baselines import CONTENDERS, SHARED, WIDE
from reproductions.row import published_rows
from reproductions.search import Budget, Contender, search
from reproductions.space import Range, settings
from reproductions.study import Outcome, recorded
from reproductions.table import render

TINY = ("model.depth=2", "model.width=8", "dataset.samples=500", "training.epochs=1", "training.batch_size=32")
SPACE = (Range("optimizer.lr", 1e-3, 1e-1, logarithmic=True),)
NOT_YET_PUBLISHED = {"plain_identity", "dirac", "dirac_identity", "dirac_normalized", "small_residual"}
"""Rows of the study that its page does not have yet: it was made before them."""

BUDGET = Budget(settings=3, finalists=2, seeds=1)


@pytest.fixture(scope="module")
def contender() -> Contender:
    return Contender("tiny", ("method=baseline", *TINY), SPACE)


def test_settings_are_within_their_ranges_and_shared_by_those_who_share_keys() -> None:
    wide = (*SPACE, Range("optimizer.weight_decay", 0.1, 0.2))
    many = settings(wide, 40)
    assert len(set(many)) == 40
    for lr, decay in many:
        assert 1e-3 <= float(lr.removeprefix("optimizer.lr=")) <= 1e-1
        assert 0.1 <= float(decay.removeprefix("optimizer.weight_decay=")) <= 0.2
    assert [setting[:1] for setting in many] == settings(SPACE, 40)
    assert settings(wide, 5) == many[:5]


def test_a_search_spends_its_budget_and_is_kept(contender: Contender, tmp_path: Path) -> None:
    file = tmp_path / "search" / "tiny.json"
    trials = search(contender, BUDGET, file)
    assert sum(len(trial.accuracies) for trial in trials) == BUDGET.trainings() == 5
    assert [sorted(trial.accuracies) for trial in trials] == [["1000", "1001"], ["1000", "1001"], ["1000"]]
    assert trials[0].mean() >= trials[1].mean()
    assert trials[2].accuracies["1000"] <= min(trial.accuracies["1000"] for trial in trials[:2])
    changed = file.stat().st_mtime_ns
    assert search(contender, BUDGET, file) == trials
    assert file.stat().st_mtime_ns == changed


@pytest.mark.parametrize(
    "other",
    [
        {"overrides": ("method=baseline", *TINY, "seed=0")},
        {"space": (Range("optimizer.lr", 1e-3, 1.0, logarithmic=True),)},
    ],
)
def test_the_search_of_something_else_is_refused(
    contender: Contender, other: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    file = tmp_path / "tiny.json"
    search(contender, BUDGET, file)
    with pytest.raises(SystemExit, match="another search"):
        search(replace(contender, **other), BUDGET, file)  # type: ignore[arg-type]
    with pytest.raises(SystemExit, match="another search"):
        search(contender, replace(BUDGET, settings=4), file)


def test_the_table_says_what_the_records_say(contender: Contender, tmp_path: Path) -> None:
    trials = search(contender, BUDGET, tmp_path / "tiny.json")
    chosen = (*contender.overrides, *trials[0].overrides)
    summaries = [recorded(chosen, seed, tmp_path / "runs") for seed in range(3)]
    kept = recorded(chosen, 0, tmp_path / "runs")
    assert {key: kept[key] for key in summaries[0]} == summaries[0]
    with pytest.raises(SystemExit, match="another configuration"):
        recorded((*chosen, "optimizer.lr=0.5"), 0, tmp_path / "runs")
    page = render({"tiny network": [Outcome(contender, trials, summaries)]}, "Tiny", "make it", BUDGET)
    accuracies = [100 * summary["final"]["test_acc_target"] for summary in summaries]
    assert f"| **{fmean(accuracies):.1f}** | {stdev(accuracies):.1f} |" in page
    assert "3 settings" in page
    assert "5 trainings a row" in page
    assert trials[0].overrides[0] in page


def test_a_row_is_trained_with_its_published_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = published_rows((reproduce.ROOT / "docs" / "results" / "baselines.md").read_text())
    names = [one.name for group in CONTENDERS.values() for one in group]
    assert list(rows) == [name for name in names if name in rows]
    assert set(names) - set(rows) == NOT_YET_PUBLISHED
    arguments = ["baselines", "--row", "plain_looks_linear", "--seeds", "3", "--outputs", str(tmp_path), *TINY]
    monkeypatch.setattr(sys, "argv", ["reproduce.py", *arguments])
    assert reproduce.main() == 0
    out = capsys.readouterr().out
    files = sorted((tmp_path / "baselines" / "rows" / "plain_looks_linear").glob("*/summary.json"))
    summaries = [json.loads(file.read_text()) for file in files]
    accuracies = [100 * summary["final"]["test_acc_target"] for summary in summaries]
    low, high = scipy.stats.t.interval(0.95, 2, fmean(accuracies), stdev(accuracies) / 3**0.5)
    assert f"here   {fmean(accuracies):.1f}, 95 % interval {low:.1f} to {high:.1f} (Student's t)" in out
    assert f"there  {rows['plain_looks_linear'].published:.1f} (docs/results/baselines.md)" in out
    for summary in summaries:
        assert summary["config"]["model"]["init"] == "looks_linear"
        assert f"optimizer.lr={summary['config']['optimizer']['lr']}" in rows["plain_looks_linear"].overrides
    monkeypatch.setattr(sys, "argv", ["reproduce.py", "baselines", "--row", "plain"])
    with pytest.raises(SystemExit, match="2"):
        reproduce.main()
    assert "--row=plain: accepted: plain_default, " in capsys.readouterr().err


def test_the_study_of_baselines_gives_everyone_the_same_shared_settings() -> None:
    rows = [one for group in CONTENDERS.values() for one in group]
    assert len(rows) == len({one.name for one in rows}) == 20
    shared = {tuple(setting[:3] for setting in settings(one.space, 8)) for one in rows}
    assert len(shared) == len({SHARED, WIDE})
    assert len({tuple(one.key for one in row.space[:3]) for row in rows}) == 1
