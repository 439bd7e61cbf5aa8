"""A study spends what it says, is not done twice, and its table says what the records say."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from threading import Barrier
from typing import Any

import pytest
import reproduce
import scipy.stats
from reproductions import depth, depth_convolutions, identity_script, tuned_study
from reproductions.baselines import CONTENDERS
from reproductions.ledger import Ledger, Training
from reproductions.plan import Plan, Refused
from reproductions.recorded import recorded
from reproductions.row import published_rows
from reproductions.search import Budget, Contender, Trial
from reproductions.space import Choice, Range, settings
from reproductions.study import Outcome, Study, Trainings, carry_out, together
from reproductions.table import render

from tests.cases import need_data
from tests.composing import compose

TINY = ("model.depth=2", "model.width=8", "dataset.samples=500", "training.epochs=1", "training.batch_size=32")
TINY_IMAGES = ("model.depth=2", "model.width=4", "dataset.subset=300", "dataset.test_subset=100", "training.epochs=1")
SPACE = (Range("optimizer.lr", 1e-3, 1e-1, logarithmic=True),)
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
    letters = Choice("x", tuple("abcdefgh"))
    assert sorted(word for (word,) in settings((letters,), 8)) == [f"x={letter}" for letter in "abcdefgh"]
    assert settings(wide, 5) == many[:5]


@pytest.fixture(scope="module")
def study(contender: Contender, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    folder = tmp_path_factory.mktemp("study")
    trainings = Trainings(Ledger(folder / "table.csv"), folder / "records", together)
    (outcome,) = carry_out([contender], trainings, BUDGET, 3, 1)
    return folder, outcome


def test_a_search_spends_its_budget(study: tuple[Path, Outcome], contender: Contender) -> None:
    trials = study[1].trials
    assert sum(len(trial.accuracies) for trial in trials) == BUDGET.trainings() == 5
    assert [sorted(trial.accuracies) for trial in trials] == [[1000, 1001], [1000, 1001], [1000]]
    assert trials[0].mean() >= trials[1].mean()
    assert trials[2].accuracies[1000] <= min(trial.accuracies[1000] for trial in trials[:2])
    assert all(trial.overrides.startswith("method=baseline model.depth=2") for trial in trials)


def test_what_the_ledger_has_is_not_trained_again(study: tuple[Path, Outcome], contender: Contender) -> None:
    folder, outcome = study
    asked: list[Path] = []

    def counted(runs: Mapping[Path, Sequence[str]]) -> Mapping[Path, dict[str, Any]]:
        asked.extend(runs)
        return together(runs)

    again = Trainings(Ledger(folder / "table.csv"), folder / "other", counted)
    assert list(carry_out([contender], again, BUDGET, 3, 1)) == [outcome]
    assert asked == []
    assert len(next(iter(carry_out([contender], again, BUDGET, 4, 1))).reports) == 4
    assert asked == [folder / "other" / "report" / "tiny" / "3"]


def test_after_a_failure_no_row_begins_another_part(tmp_path: Path) -> None:
    asked: list[str] = []
    all_at_work = Barrier(3)

    def failing(runs: Mapping[Path, Sequence[str]]) -> Mapping[Path, dict[str, Any]]:
        (row,) = {folder.parent.name for folder in runs}
        first = row not in asked
        asked.append(row)
        if first:
            all_at_work.wait(timeout=60)
        if row != "fails":
            trainings.stopped.wait(timeout=60)
        return {}

    trainings = Trainings(Ledger(tmp_path / "table.csv"), tmp_path / "records", failing, part=1)
    rows = [Contender(name, ("method=baseline", *TINY), ()) for name in ("fails", "first", "second")]
    with pytest.raises(SystemExit, match="fails: 2 of 2 trainings failed"):
        list(carry_out(rows, trainings, BUDGET, 2, 3))
    assert sorted(asked) == ["fails", "fails", "first", "second"]


def test_a_smaller_study_does_not_take_the_page_of_the_whole_one(
    study: tuple[Path, Outcome], contender: Contender, tmp_path: Path
) -> None:
    page = study[0] / "table.md"
    whole = Study("Tiny", {"network": (contender,)}, BUDGET, 3)
    tuned_study.write_page("tiny", whole, page)
    assert "over 3 seeds (0 to 2)" in page.read_text()
    for plan in (Plan(tmp_path, seeds=2), Plan(tmp_path, settings=2), Plan(tmp_path, overrides=("seed=1",))):
        with pytest.raises(Refused, match="has rows of the whole study"):
            tuned_study.measure("tiny", whole, plan, page)
    assert list(tmp_path.iterdir()) == []


def test_differences_are_taken_to_the_row_that_a_study_names(study: tuple[Path, Outcome]) -> None:
    outcome = study[1]
    other = replace(outcome, contender=replace(outcome.contender, name="other"))
    named = Study("T", {}, BUDGET, 3, reference="other")
    page = render({"a": [outcome], "b": [other]}, named, "c")
    assert "| +0.0 [+0.0, +0.0] |" in next(line for line in page.splitlines() if line.startswith("| tiny | "))
    assert "| reference |" in next(line for line in page.splitlines() if line.startswith("| other | "))


def test_the_ledger_and_the_table_say_what_the_records_say(study: tuple[Path, Outcome]) -> None:
    folder, outcome = study
    with (folder / "table.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["purpose"], line["test_acc"] == "") for line in lines[:5]] == [("tuning", True)] * 5
    for seed in range(3):
        record = json.loads((folder / "records" / "report" / "tiny" / str(seed) / "summary.json").read_text())
        line = next(one for one in lines if (one["purpose"], one["seed"]) == ("report", str(seed)))
        assert float(line["test_acc"]) == pytest.approx(record["final"]["test_acc_target"], abs=1e-6)
        assert int(line["gradients"]) == record["cost"]["gradient_evaluations"]
        assert line["code"] == record["code_version"]
    page = render({"tiny network": [outcome]}, Study("Tiny", {}, BUDGET, 3), "make it", ["other"])
    accuracies = [100 * one.test_acc for one in outcome.reports if one.test_acc is not None]
    assert f"| **{fmean(accuracies):.1f}** | {stdev(accuracies):.1f} |" in page
    assert "3 settings" in page
    assert "5 trainings a row" in page
    assert "Not measured yet: other." in page
    assert outcome.trials[0].overrides in page


def test_the_table_pairs_seeds_and_adjusts_all_p_values_together() -> None:
    def outcome(name: str, method: str, test: list[float]) -> Outcome:
        reports = [
            Training(name, "report", seed, "x", "completed", 0.5, acc, None, 1, 1.0, 1.0, "c", "t", "p")
            for seed, acc in enumerate(test)
        ]
        return Outcome(Contender(name, (f"method={method}",), ()), [Trial("x", {1000: 0.5})], reports)

    plain = [0.5 + 0.01 * seed for seed in range(8)]
    ahead = [one + 0.02 + 0.001 * seed for seed, one in enumerate(plain)]
    level = [one + (0.01 if seed % 2 else -0.011) for seed, one in enumerate(plain)]
    page = render(
        {"net": [outcome("plain", "baseline", plain), outcome("a", "hta", ahead), outcome("b", "hta", level)]},
        Study("T", {}, BUDGET, 8), "c",
    )  # fmt: skip
    cells = {line.split("|")[1].strip(): line.split("|") for line in page.splitlines() if "**" in line}
    low, high = scipy.stats.t.interval(0.95, 7, 2.35, stdev([2.0 + 0.1 * seed for seed in range(8)]) / 8**0.5)
    assert cells["a"][9].strip() == f"+2.4 [{low:+.1f}, {high:+.1f}]"
    p = [scipy.stats.wilcoxon([x - y for x, y in zip(one, plain, strict=True)]).pvalue for one in (ahead, level)]
    assert float(cells["a"][10]) == pytest.approx(2 * p[0], rel=0.05)
    assert float(cells["b"][10]) == pytest.approx(max(2 * p[0], p[1]), rel=0.05)


def test_two_commands_add_to_one_ledger(tmp_path: Path) -> None:
    file = tmp_path / "page.csv"
    ledgers = Ledger(file), Ledger(file)
    for number, ledger in enumerate(ledgers):
        kept = Training(f"row {number}", "report", 0, "", "completed", 0.5, 0.5, None, 1, 1.0, 1.0, "c", "t", "p")
        ledger.add([kept])
    assert Ledger(file).rows() == ["row 0", "row 1"]


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SystemExit, match="accepted: a CSV with the columns row, purpose, seed"):
        Ledger(tmp_path / "x.csv")


def test_the_record_of_another_configuration_is_refused(tmp_path: Path) -> None:
    recorded(("method=baseline", *TINY), 0, tmp_path)
    other = ("method=baseline", *TINY, "optimizer.lr=0.5")
    with pytest.raises(SystemExit, match="another configuration"):
        recorded(other, 0, tmp_path)
    with pytest.raises(SystemExit, match="another configuration"):
        identity_script.trained({tmp_path / "0": (*other, "seed=0")})


@pytest.mark.parametrize(
    ("study", "row", "says", "smaller"),
    [
        ("baselines", "plain_looks_linear", {"init": "looks_linear"}, TINY),
        ("depth", "identity_circular_32", {"path": "circular"}, TINY),
        ("ablation", "shuffled", {"continuation": "shuffled"}, TINY),
        ("hta", "mlp_sgd", {"optimizer": "sgd"}, TINY),
        pytest.param(
            "depth_convolutions", "convexity_literal_8", {"form": "literal"}, TINY_IMAGES, marks=pytest.mark.data
        ),
    ],
)
def test_a_row_is_trained_with_its_published_settings(
    study: str,
    row: str,
    says: dict[str, str],
    smaller: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if smaller is TINY_IMAGES:
        need_data("mnist", compose("method=baseline").paths.data_root())
    rows = published_rows((reproduce.ROOT / "docs" / "results" / f"{study}.md").read_text())
    assert list(rows) == [one.name for own in reproduce.TUNED[study].contenders.values() for one in own]
    command = ["reproduce.py", study, "--row", row, "--seeds", "3", "--outputs", str(tmp_path), *smaller]
    monkeypatch.setattr(sys, "argv", command)
    assert reproduce.main() == 0
    out = capsys.readouterr().out
    files = sorted((tmp_path / study / "rows" / row).glob("*/summary.json"))
    summaries = [json.loads(file.read_text()) for file in files]
    accuracies = [100 * summary["final"]["test_acc_target"] for summary in summaries]
    low, high = scipy.stats.t.interval(0.95, 2, fmean(accuracies), stdev(accuracies) / 3**0.5)
    assert f"here   {fmean(accuracies):.1f}, 95 % interval {low:.1f} to {high:.1f} (Student's t)" in out
    assert f"there  {rows[row].published:.1f} (docs/results/{study}.md)" in out
    for summary in summaries:
        own = [word for word in summary["overrides"] if word not in smaller and not word.startswith("seed=")]
        assert own == list(rows[row].overrides)
        assert f"optimizer.lr={summary['config']['optimizer']['lr']}" in own
        config = summary["config"]
        named = {key: config[key]["name"] for key in ("optimizer", "continuation")}
        assert says.items() <= {**config["method"], **config["model"], **named}.items()
        assert config["model"]["depth"] == 2
    monkeypatch.setattr(sys, "argv", ["reproduce.py", study, "--row", "plain"])
    with pytest.raises(SystemExit, match="2"):
        reproduce.main()
    assert f"--row=plain: accepted: {next(iter(rows))}, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["landscape", "--seeds", "3"], "--seeds: has no meaning for landscape"),
        (["basins", "--processes", "1"], "--processes: has no meaning for basins"),
        (["all", "training.epochs=1"], "training.epochs=1: has no meaning for all"),
        (["depth", "--only", "dirac_8"], "--only dirac_8: accepted: plain_orthogonal_8, "),
        (["ablation", "method.path=linear"], "method.path=linear: rows of this study set this key themselves"),
        (["baselines", "optimizer.lr=1"], "optimizer.lr=1: rows of this study set this key themselves"),
        (["transformer", "model.norm=pre"], "model.norm=pre: rows of this study set this key themselves"),
        (["baselines", "--row", "dirac", "--only", "dirac"], "--only: has no meaning for baselines with --row"),
        (["baselines", "--results", "x"], "--results: has no meaning for baselines; accepted: "),
        (["results", "--outputs", "x"], "--outputs: has no meaning for results; accepted: "),
    ],
)
def test_what_a_study_would_ignore_is_refused(
    words: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["reproduce.py", *words])
    with pytest.raises(SystemExit, match="2"):
        reproduce.main()
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("page", ["README.md", "docs/results/index.md"])
def test_the_tables_of_readers_say_what_the_results_say(page: str) -> None:
    """Cells are mean, deviation, interval, path, difference and p, as in the full table."""
    full = (reproduce.ROOT / "docs" / "results" / "baselines.md").read_text()
    published = {cells[1]: [cells[n] for n in (3, 4, 5, 8, 9, 10)] for cells in _bold(full)}
    shown = {cells[1].split(",")[0]: cells[2:8] for cells in _bold((reproduce.ROOT / page).read_text())}
    assert len(shown) >= 5
    assert shown == {name: published[name] for name in shown}


@pytest.mark.parametrize(
    ("study", "depths", "names"),
    [
        ("depth", depth.DEPTHS, (*depth.PLAIN, *depth.SKIPS)),
        ("depth_convolutions", depth_convolutions.DEPTHS, tuple(depth_convolutions.ROWS)),
    ],
)
def test_the_tables_over_depth_say_what_their_pages_say(
    study: str, depths: tuple[int, ...], names: tuple[str, ...]
) -> None:
    results = reproduce.ROOT / "docs" / "results"
    means = {cells[1]: cells[3].strip("*") for cells in _bold((results / f"{study}.md").read_text())}
    _, _, section = (results / "index.md").read_text().partition(f"reproduce.py {study} --markdown")
    section = section.partition("\n#")[0]
    (heading,) = re.findall(r"^\| (?:layers|convolutions) \| (.+) \|$", section, re.M)
    assert all(_words(title) <= _words(name) for title, name in zip(heading.split(" | "), names, strict=True))
    lines = re.findall(r"^\| (\d+) \| ([\d. |]+) \|$", section, re.M)
    assert [int(layers) for layers, _ in lines] == list(depths)
    for layers, cells in lines:
        assert cells.split(" | ") == [means[f"{name.replace('_', ' ')} {layers}"] for name in names]


def test_the_table_of_hta_says_what_its_page_says() -> None:
    docs = reproduce.ROOT / "docs"
    heading = "| SGD | SGD, as many gradients | decay L(t) | HTA, published levels | HTA, levels searched |\n"
    assert heading in (docs / "hta.md").read_text()
    spreads = {
        cells[1]: f"{cells[3].strip('*')} +- {cells[4]}" for cells in _bold((docs / "results/hta.md").read_text())
    }
    shown = re.findall(r"^\| (MLP|CNN), .+? \| (.+) \|$", (docs / "hta.md").read_text(), re.M)
    assert [model for model, _ in shown] == ["MLP", "CNN"]
    for model, cells in shown:
        names = ("sgd", "sgd equal gradients", "sgd weight decay L", "hta", "hta levels")
        assert cells.split(" | ") == [spreads[f"{model.lower()} {name}"] for name in names]


def _words(name: str) -> set[str]:
    return set(re.findall(r"\w+", name.replace("_", " ")))


def _bold(page: str) -> list[list[str]]:
    """Return the cells of the table lines whose mean is bold."""
    return [
        [cell.strip() for cell in line.split("|")]
        for line in page.splitlines()
        if re.match(r"\|.*\| \*\*[\d.]+\*\* \|", line)
    ]


def test_the_study_of_baselines_gives_everyone_the_same_shared_settings() -> None:
    rows = [one for group in CONTENDERS.values() for one in group]
    assert len(rows) == len({one.name for one in rows}) == 30
    shared = {tuple(setting[:3] for setting in settings(one.space, 8)) for one in rows}
    assert len(shared) == 1
