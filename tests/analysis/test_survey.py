"""Finished runs are measured once, alike and apart; what cannot be measured is named and stops no other."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from homotopy_bench.analysis.drawing import draw
from homotopy_bench.analysis.finished import finished_runs
from homotopy_bench.analysis.forks import stable_from, study_forks
from homotopy_bench.analysis.output import cell, figures_text, forks_document, forks_text, pairs_text, to_json
from homotopy_bench.analysis.pairs import PairPlan, chosen_pairs, survey_pairs
from homotopy_bench.analysis.survey import Figure, Plan, survey
from homotopy_bench.core.errors import InputError
from homotopy_bench.landscape.connectivity.compare import FAST_PAIR_METRICS, FULL_PAIR_METRICS, Pairs
from homotopy_bench.landscape.measure import FAST_METRICS, Metric, measure, named_metrics
from homotopy_bench.landscape.measurement import Measurement
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.runs.snapshots import kept_snapshots
from tests.analysis.runs import finished

PLAN = Plan(named_metrics(["sam", "flatness"], "fast"), "fast", ("train", "test"), 100)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of one kind, one of another, and folders in which something is wrong."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        finished(folder / f"kind/{seed}", "method=baseline", f"seed={seed}")
    finished(folder / "kind/homotopy", "method=identity_homotopy", "training.snapshots=[0,1,2,3]")
    finished(folder / "wider", "method=baseline", "model.width=10")
    finished(
        folder / "wrong/diverged", "method=baseline", "optimizer=sgd", "optimizer.lr=1e200", "training.clip_norm=null"
    )
    for name in ("torn", "without", "running", "edited", "half"):
        shutil.copytree(folder / "kind/0", folder / "wrong" / name)
    (folder / "wrong/torn/checkpoint.pt").write_bytes(b"PK" + bytes(100))
    (folder / "wrong/without/checkpoint.pt").unlink()
    (folder / "wrong/half/landscape.json").write_text("{")
    (folder / "wrong/running/summary.json").unlink()
    config = folder / "wrong/edited/.hydra/config.yaml"
    config.write_text(config.read_text().replace("seed: 0", "seed: 5"))
    return folder


def copied(runs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(runs, tmp_path / "runs"))


def test_what_cannot_be_measured_is_named_in_one_line_and_the_others_are_read(runs: Path) -> None:
    found, left_out = finished_runs([runs, runs / "kind/../kind/0"])
    assert len(found) == 5, "each once"
    assert {run.folder.relative_to(runs).as_posix() for run in found} == {
        "kind/0", "kind/1", "kind/2", "kind/homotopy", "wider",
    }  # fmt: skip
    reasons = {one.folder.name: one.reason for one in left_out}
    assert set(reasons) == {"diverged", "torn", "without", "running", "edited", "half"}
    for name, words in {
        "diverged": "diverged",
        "torn": "checkpoint.pt is damaged",
        "without": "has no checkpoint.pt",
        "running": "has not ended",
        "edited": "belongs to configuration",
        "half": "its landscape.json is damaged; delete it to measure anew",
    }.items():
        assert words in reasons[name]
        assert "\n" not in reasons[name]
    with pytest.raises(InputError, match="nowhere: no such folder"):
        finished_runs([runs / "nowhere"])
    with pytest.raises(InputError, match="this folder holds no run"):
        finished_runs([runs / "kind/0/.hydra"])


def test_figures_are_those_of_the_networks_and_a_second_call_measures_nothing(runs: Path, tmp_path: Path) -> None:
    folder = copied(runs, tmp_path)
    found, _ = finished_runs([folder])
    figures = survey(found, PLAN)
    assert len(figures) == 5 * 2 * 5
    for run in found:
        x, y = torch.from_numpy(run.splits.test.x[:]), torch.from_numpy(run.splits.test.y[:])
        own = measure([run.network], x, y, metrics=["sam"], split="test")["sam"].value.item()
        (kept,) = [f.entry for f in figures if (f.run.folder, f.split, f.name) == (run.folder, "test", "sam")]
        assert kept["value"] == pytest.approx(own, rel=1e-9)
        assert kept["convention"]["samples"] == len(y) <= 100

    def never(networks: Networks, samples: Samples) -> NoReturn:
        raise AssertionError("measured again")

    plan = Plan(dict.fromkeys(PLAN.metrics, never), "fast", PLAN.splits, 100)
    again = survey(finished_runs([folder])[0], plan)
    assert [one.entry for one in again] == [one.entry for one in figures]


def test_an_interrupted_survey_keeps_every_metric_that_was_done(runs: Path, tmp_path: Path) -> None:
    folder = copied(runs, tmp_path)
    found, _ = finished_runs([folder / "kind"])

    def interrupted(networks: Networks, samples: Samples) -> NoReturn:
        raise KeyboardInterrupt

    broken = Plan({**named_metrics(["sam"], "fast"), "flatness": interrupted}, "fast", ("train",), 100)
    with pytest.raises(KeyboardInterrupt):
        survey(found, broken)
    for run in found:
        entries = json.loads((run.folder / "landscape.json").read_text())["entries"]
        assert [entry["of"]["metric"] for entry in entries] == ["sam"]


def test_a_metric_that_raises_has_no_value_and_a_reason_and_the_others_are_done(runs: Path, tmp_path: Path) -> None:
    folder = copied(runs, tmp_path)
    found, _ = finished_runs([folder / "kind/0"])

    def broken(networks: Networks, samples: Samples) -> NoReturn:
        raise RuntimeError("no such kernel")

    metrics: dict[str, Metric] = {"broken": broken, **named_metrics(["sam"], "fast")}
    figures = {one.name: one.entry for one in survey(found, Plan(metrics, "fast", ("train",), 50))}
    assert figures["broken"]["value"] is None
    assert figures["broken"]["reason"] == "RuntimeError: no such kernel"
    assert figures["sam"]["value"] > 0.0
    assert cell(figures["broken"]) == "RuntimeError: no such kernel"
    assert "no such kernel" in figures_text([Figure(found[0], "train", "broken", figures["broken"])])
    healthy: dict[str, Metric] = {"broken": FAST_METRICS["sam"]}  # what failed is tried again
    assert survey(found, Plan(healthy, "fast", ("train",), 50))[0].entry["value"] == figures["sam"]["value"]


def test_a_pair_learns_from_as_many_samples_as_are_asked_for(runs: Path, tmp_path: Path) -> None:
    folder = copied(runs, tmp_path)
    pairs = chosen_pairs(finished_runs([folder / "kind/0", folder / "kind/1"])[0], "all")
    few, more = 120, 200
    assert few >= len(pairs[0][0].splits.test.y), "the test samples are the same"
    learnt: list[int] = []  # for each measurement, from how many samples

    def metric(pairs: Pairs, samples: Samples) -> dict[str, Measurement]:
        learnt.append(len(pairs.train))
        return FAST_PAIR_METRICS["similarity"](pairs, samples)

    for samples in (few, more, few, more):
        survey_pairs(pairs, PairPlan({"similarity": metric}, "fast", ("test", "train"), samples))
    assert learnt == [few, few, more, more]


def test_pairs_are_those_of_one_kind_and_are_measured_once(runs: Path, tmp_path: Path) -> None:
    folder = copied(runs, tmp_path)
    found, _ = finished_runs([folder])
    every, of_seed = chosen_pairs(found, "all"), chosen_pairs(found, "by-seed")
    assert len(every) == 6
    assert {(a.folder.name, b.folder.name) for a, b in of_seed} == {("homotopy", "0")}
    plan = PairPlan(FULL_PAIR_METRICS, "full", ("train", "test"), 100)
    figures = survey_pairs(every, plan)
    by_name = {(one.first.folder.name, one.second.folder.name, one.split, one.name): one.entry for one in figures}
    entry = by_name["0", "1", "test", "barrier_loss"]
    assert entry["value"] is not None
    assert len(entry["tables"]["loss"]) == 35
    assert by_name["0", "1", "test", "reestimated_barrier_loss"]["reason"] == "no layer normalises batches"
    for pair in every:
        names = (pair[0].folder.name, pair[1].folder.name, "train")
        assert by_name[*names, "bezier_max_loss"]["value"] <= by_name[*names, "max_loss"]["value"] + 1e-9
    nothing: Any = dict.fromkeys(FULL_PAIR_METRICS)
    again = survey_pairs(every, PairPlan(nothing, "full", plan.splits, 100))
    assert [one.entry for one in again] == [one.entry for one in figures]
    assert "barrier" in pairs_text(figures)


def test_forks_end_apart_or_together_and_say_from_where_on(runs: Path, tmp_path: Path) -> None:
    folder = copied(runs, tmp_path) / "kind/homotopy"
    plan = PairPlan(FAST_PAIR_METRICS, "fast", ("train",), 100)
    forks, left_out = study_forks(folder, 2, plan)
    assert not left_out
    assert [fork.snapshot for fork in forks] == ["epoch-0", "epoch-1", "epoch-2", "epoch-3"]
    assert [fork.step for fork in forks] == sorted(fork.step for fork in forks)
    assert all(len(fork.children) == 2 for fork in forks)
    found, before = stable_from(forks, "train")
    rises = [fork.largest("barrier_error_frankle", "train") for fork in forks]
    assert all(rise is not None for rise in rises)
    apart = [number for number, rise in enumerate(rises) if rise is not None and rise >= 0.02]
    first = apart[-1] + 1 if apart else 0
    assert found is (forks[first] if first < len(forks) else None)
    assert before is (forks[first - 1] if first else None)
    lone = replace(forks[-1], children=forks[-1].children[:1], figures=())
    assert stable_from([lone], "train") == (None, lone)
    assert "stable from no snapshot on at the latest: of 2 children of epoch-3 too few" in forks_text([lone], ["train"])
    figure = replace(forks[-1].figures[0], split="train", name="barrier_error_frankle", entry={"value": 0.5})
    known = replace(lone, orders=3, figures=(figure, replace(figure, entry={"value": None})))
    assert known.apart("train") is True
    broken = replace(lone, diverged=1)
    assert broken.apart("train") is True
    assert "stable from no snapshot on: of 2 children of epoch-3 1 diverged" in forks_text([broken], ["train"])
    assert [one["apart"] for one in forks_document([broken, lone], ["train"])] == [{"train": True}, {"train": None}]
    with pytest.raises(InputError, match=r"--fork=.*has no snapshots; accepted: a run with training.snapshots"):
        study_forks(folder.parent / "0", 2, plan)


def test_pictures_are_drawn_of_all_that_was_measured(runs: Path, tmp_path: Path, monkeypatch) -> None:
    from homotopy_bench.analysis import drawing

    monkeypatch.setattr(drawing, "SIDE", 5)
    folder = copied(runs, tmp_path)
    found, _ = finished_runs([folder / "kind" / name for name in ("homotopy", "0", "1")])
    figures = survey(found[:1], Plan(named_metrics(["spectrum"], "full"), "full", ("train",), 40))
    pairs = survey_pairs(chosen_pairs(found, "by-seed"), PairPlan(FAST_PAIR_METRICS, "fast", ("train",), 50))
    written, problems = draw(found, figures, pairs, tmp_path / "pictures")
    assert not problems
    names = {path.name for path in written}
    assert {"between-train.png", "plane-0.png", "density-homotopy-train.png", "trajectory-homotopy.png"} <= names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)
    assert len(kept_snapshots(folder / "kind/homotopy/snapshots")) == 4


def test_documents_hold_no_number_that_json_lacks() -> None:
    assert json.loads(to_json({"value": float("nan"), "values": [float("inf"), 1.0]})) == {
        "schema": 1,
        "value": None,
        "values": [None, 1.0],
    }
    assert set(FAST_METRICS) == {"spectrum", "sam", "asam", "flatness"}
