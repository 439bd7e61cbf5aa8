"""The studies of curvature learning rates run, are not done twice, and their pages say what was measured."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pytest
from reproductions import curvature_estimators as estimators
from reproductions import curvature_forms as forms
from reproductions import curvature_rates as rates

TINY = (
    "dataset=mnist1d", "dataset.samples=500", "model=mlp", "model.depth=2", "model.width=4", "optimizer=sgd",
    "training.epochs=1", "training.batch_size=64",
)  # fmt: skip
PNG = b"\x89PNG"


def test_a_study_of_forms_from_runs_to_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "NETWORK", TINY)
    monkeypatch.setattr(forms, "UNCLIPPED", (*TINY, "training.clip_norm=null"))
    base = "lr_schedule@lr_schedule.base=constant"
    monkeypatch.setattr(forms, "CURVATURE", ("method=curvature_lr", *TINY, base))
    names = ["constant", "cap_power"]
    chosen = [row for row in forms.rows() if row.name in names]
    monkeypatch.setattr(forms, "rows", lambda: chosen)
    results = forms.carry_out(tmp_path, 2, 1, ())
    assert sorted(results) == sorted(names)
    page = forms.render(results, "x.png", "make it")
    for name, runs in results.items():
        kept = [json.loads((tmp_path / "runs" / name / f"{seed}" / "summary.json").read_text()) for seed in range(2)]
        accuracies = [100 * summary["final"]["test_acc_target"] for summary in kept]
        assert f"| {name} | **{fmean(accuracies):.2f} +- {stdev(accuracies):.2f}** |" in page
        assert runs[0].mean_rate(0, 10) <= 0.01
    assert "![rates and curvature over steps](x.png)" in page
    assert forms.draw(results).startswith(PNG)
    changed = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("summary.json")}
    forms.carry_out(tmp_path, 2, 1, ())
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("summary.json")} == changed


def test_a_study_of_rates_judges_its_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "NETWORK", TINY)
    monkeypatch.setattr(rates, "RATES", ("0.1",))
    monkeypatch.setattr(rates, "RULES", {name: rates.RULES[name] for name in ("constant", "cap")})
    results = rates.carry_out(tmp_path, 1, 1, ())
    assert [len(trial["accuracies"]) for trial in results.trials] == [3, 3]  # type: ignore[arg-type]
    page = rates.render(results, "x.png", "make it")
    row = next(line for line in page.splitlines() if line.startswith("| cap | "))
    assert row.split("|")[2].strip() == f"{100 * results.runs['cap', '0.1'][0].accuracy:.2f}"
    assert "> 92 % at all five base rates | cap |" in page
    assert rates.draw(results).startswith(PNG)
    with pytest.raises(SystemExit, match="another"):
        rates.carry_out(tmp_path, 1, 1, ("training.l2=1e-5",))


def test_estimators_are_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimators, "NETWORK", TINY)
    for name, value in {"STEPS": 12, "DENSE": 2, "EVERY": (1, 2), "SAMPLES": 100, "RATES": ("0.01",)}.items():
        monkeypatch.setattr(estimators, name, value)
    results = estimators.carry_out(tmp_path, 1, 1, ())
    assert str(estimators.carry_out(tmp_path, 1, 1, ())) == str(results)  # as text: not a number is not itself
    series = results["0.01_0"]
    assert np.isfinite(series["batch"]).all()
    # A lower bound of |H|, whose largest eigenvalue here is the one of largest modulus.
    assert (np.array(series["power@1"]) <= 1.01 * np.array(series["batch"])).mean() > 0.5
    ceiling = np.array(series[f"{estimators.CEILING}@1"])
    assert (ceiling >= np.array(series["power@1"])).all()
    page = estimators.render(results, "x.png", "make it")
    assert "| gradient_proxy | 2 |" in page
    assert estimators.draw(results).startswith(PNG)


def test_quality_is_the_ratio_and_the_rank_after_the_dense_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimators, "DENSE", 10)
    series = {"step": [0.0, 10.0, 20.0, 30.0], "batch": [9.0, 1.0, 2.0, 3.0], "x@10": [0.0, 2.0, 4.0, 9.0]}
    quartiles, rank = estimators.quality(series, "x", 10, "batch")
    assert quartiles.tolist() == [2.0, 2.0, 2.5]
    assert rank == pytest.approx(1.0)
