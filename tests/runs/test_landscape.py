"""Measuring during training changes nothing, and its figures are in metrics, summary, picture, file and report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import pytest
import torch

from homotopy_bench import train, train_many
from homotopy_bench.analysis.finished import finished_runs
from homotopy_bench.analysis.survey import Plan, survey
from homotopy_bench.landscape.measure import FAST_METRICS
from homotopy_bench.landscape.networks import Networks
from homotopy_bench.landscape.samples import draw_samples
from homotopy_bench.landscape.spectrum import FAST, spectrum
from homotopy_bench.loggers.base import numbers
from homotopy_bench.report import build_report, read_runs, to_dict, to_markdown
from homotopy_bench.runs.target_network import trainer_of
from homotopy_bench.tracking.checkpoint_file import read_checkpoint
from homotopy_bench.tracking.kept_measurements import read_entries
from homotopy_bench.tracking.record import read_metrics
from tests.cases import CASES
from tests.composing import compose
from tests.runs.records import shown

CASE = (*CASES["identity-circular/mlp-orthogonal/mnist1d"], "training.epochs=6", "continuation.warmup_fraction=0.6")
MEASURED = [
    "identity-circular/mlp-batchnorm/mnist1d",
    "convexity-per-neuron/cnn/mnist1d",
    "hta/mlp-orthogonal/mnist1d",
    "baseline/mlp-rezero/mnist1d",
]


def without_figures(lines: object) -> object:
    kept = shown(lines)
    assert isinstance(kept, list)
    for line in kept:
        line.pop("landscape", None)
        line["cost"].pop("landscape_seconds", None)
    return kept


@pytest.mark.parametrize("case", MEASURED)
def test_a_measured_run_is_bitwise_the_run_that_is_not(case: str, tmp_path: Path) -> None:
    short = (*CASES[case], "training.epochs=3")
    for name, more in (("plain", ()), ("measured", ("landscape=path", "landscape.samples=40"))):
        train(compose(*short, *more), tmp_path / name)
    states = [read_checkpoint(tmp_path / name / "checkpoint.pt")["member"] for name in ("plain", "measured")]
    assert torch.equal(states[0]["theta"], states[1]["theta"])
    lines = [read_metrics(tmp_path / name / "metrics.jsonl") for name in ("plain", "measured")]
    assert without_figures(lines[0]) == without_figures(lines[1])
    assert any("landscape" in line for line in lines[1])
    assert lines[1][-1]["landscape"]["train"]["lambda_max"] is not None, "the end is measured"


def test_a_path_is_measured_where_t_reaches_each_level_on_the_deformed_loss(tmp_path: Path) -> None:
    config = compose(*CASE, "landscape=path", "landscape.at=[0.0,0.5,1.0]", "training.snapshots=[1,2,3,4,5]")
    train(config, tmp_path)
    lines = read_metrics(tmp_path / "metrics.jsonl")
    measured = [line["epoch"] for line in lines if "landscape" in line]
    t = {line["epoch"]: line["t"] for line in lines}
    expected = {1, min(e for e in t if t[e] >= 0.5), min(e for e in t if t[e] >= 1.0), 6}
    assert measured == sorted(expected)
    epoch = measured[1]
    assert t[epoch] < 1.0
    splits = config.dataset.load(config.paths.data_root())
    state = read_checkpoint(tmp_path / f"snapshots/epoch-{epoch}.pt")
    networks = Networks(trainer_of(config, tmp_path, state, splits).ensemble)
    samples = draw_samples(splits, "train", 1000, torch.float64)
    own = spectrum(networks, samples, FAST)["lambda_max"].value.item()
    assert lines[epoch - 1]["landscape"]["train"]["lambda_max"] == pytest.approx(own, rel=1e-6)


def test_the_figures_of_the_end_are_everywhere(tmp_path: Path) -> None:
    configs = [compose(*CASE, "landscape=final", "landscape.samples=60", f"seed={seed}") for seed in (0, 1)]
    folders = [tmp_path / str(seed) for seed in (0, 1)]
    train_many(configs, folders, probe=False)
    for folder in folders:
        line = read_metrics(folder / "metrics.jsonl")[-1]
        summary = json.loads((folder / "summary.json").read_text())
        assert summary["landscape"] == {"epoch": 6, "t": 1.0, "landscape": line["landscape"]}
        assert summary["cost"]["landscape_seconds"] > 0.0
        assert numbers(line)["landscape/test/lambda_max"] == line["landscape"]["test"]["lambda_max"]
    found, left_out = finished_runs([tmp_path])
    assert not left_out

    def never(*_: object) -> NoReturn:
        raise AssertionError("measured again")

    plan = Plan(dict.fromkeys(FAST_METRICS, never), "fast", ("train", "test"), 60)
    figures = survey(found, plan)
    values = {(f.run.config.seed, f.split, f.name): f.entry["value"] for f in figures}
    for seed, folder in enumerate(folders):
        line = read_metrics(folder / "metrics.jsonl")[-1]
        assert values[seed, "test", "trace"] == line["landscape"]["test"]["trace"]
    report = build_report(read_runs([tmp_path]))
    (row,) = report.sections[0].rows
    mean = row.landscape["test"]["lambda_max"]
    assert mean.runs == 2
    assert mean.mean == pytest.approx((values[0, "test", "lambda_max"] + values[1, "test", "lambda_max"]) / 2)
    assert "Landscape at t = 1 on test data" in to_markdown(report)
    assert to_dict(report)["sections"][0]["rows"][0]["landscape"]["train"]["trace"]["runs"] == 2


def test_members_measured_together_have_the_figures_that_they_have_alone(tmp_path: Path) -> None:
    configs = [compose(*CASE, "landscape=path", "landscape.samples=60", f"seed={seed}") for seed in (0, 1)]
    train_many(configs, [tmp_path / f"together-{seed}" for seed in (0, 1)], probe=False)
    for seed, config in enumerate(configs):
        train(config, tmp_path / f"alone-{seed}")
        lines = [read_metrics(tmp_path / f"{kind}-{seed}/metrics.jsonl") for kind in ("together", "alone")]
        figures = [[line["landscape"] for line in own if "landscape" in line] for own in lines]
        assert len(figures[0]) == len(figures[1])
        for one, other in zip(*figures, strict=True):
            for split in one:
                for name, value in one[split].items():
                    assert value == pytest.approx(other[split][name], rel=1e-5, abs=1e-9)


def test_a_damaged_file_takes_the_figures_from_no_other_run(tmp_path: Path) -> None:
    configs = [compose(*CASE, "landscape=final", "landscape.samples=60", f"seed={seed}") for seed in (0, 1)]
    folders = [tmp_path / str(seed) for seed in (0, 1)]
    folders[0].mkdir()
    (folders[0] / "landscape.json").write_text('{"schema"')
    train_many(configs, folders, probe=False)
    for folder in folders:
        assert json.loads((folder / "summary.json").read_text())["landscape"]["landscape"]["test"]["lambda_max"] > 0.0
    assert (folders[0] / "landscape.json").read_text() == '{"schema"'
    assert "the landscape is not kept: RUN_DIR=" in (folders[0] / "train.log").read_text()
    assert {entry["of"]["split"] for entry in read_entries(folders[1])} == {"train", "test"}
    assert "not kept" not in (folders[1] / "train.log").read_text()
