"""Runs of equal protocol share a section, others are told apart by name, and a control is never the baseline."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from homotopy_bench.optim.lr_schedules.trace import Trace
from homotopy_bench.report import Report, build_report, read_runs, to_dict
from homotopy_bench.report.comparison import CONTROL
from tests.report.conftest import write_run

Settings = Mapping[str, Mapping[str, Any]]


def write_pair(root: Path, name: str, settings: Settings | None = None, **options: Any) -> None:
    """Write a baseline and a homotopy of three seeds each."""
    for method in ("baseline", "identity_homotopy"):
        for seed in range(3):
            folder = root / f"{name}-{method}-{seed}"
            write_run(folder, method=method, seed=seed, acc=0.5 + 0.01 * seed, settings=settings, **options)


def report_of(root: Path, **options: Any) -> Report:
    return build_report(read_runs([root]), **options)


UNEQUAL: dict[str, tuple[Settings, int]] = {
    "dataset.samples=10000": ({"dataset": {"samples": 10000}}, 12000),
    "dataset.subset=600": ({"dataset": {"subset": 600}}, 12000),
    "dataset.protocol=source": ({"dataset": {"protocol": "source"}}, 12000),
    "dataset.validation_fraction=0.2": ({"dataset": {"validation_fraction": 0.2}}, 12000),
    "training.batch_size=64": ({"training": {"batch_size": 64}}, 12000),
    "training.epochs=1, 300 gradients": ({"training": {"epochs": 1}}, 300),
    "24000 gradients": ({"method": {"name": "baseline", "groups": 2}}, 24000),
}


@pytest.mark.parametrize("label", UNEQUAL)
def test_what_differs_in_protocol_is_a_section_of_its_own(tmp_path: Path, label: str) -> None:
    settings, gradients = UNEQUAL[label]
    write_pair(tmp_path, "one")
    write_pair(tmp_path, "other", settings, gradients=gradients)
    sections = report_of(tmp_path).sections
    assert len(sections) == 2
    assert label in [section.label for section in sections]
    for section in sections:
        assert [row.runs for row in section.rows] == [3, 3]
        (one,) = section.comparisons
        assert (one.pairs, one.mean_difference, one.differs_in) == (3, 0.0, {})


def test_runs_of_1_12_and_100_epochs_are_never_ranked_together(tmp_path: Path) -> None:
    for epochs in (1, 12, 100):
        write_pair(tmp_path, f"{epochs}", {"training": {"epochs": epochs}}, gradients=28 * epochs)
    labels = [section.label for section in report_of(tmp_path).sections]
    assert labels == [f"training.epochs={epochs}, {28 * epochs} gradients" for epochs in (100, 12, 1)]


@pytest.mark.parametrize("settings", [{"optimizer": {"lr": 0.1}}, {"model": {"init": "orthogonal"}}])
def test_what_is_no_protocol_stays_in_one_section(tmp_path: Path, settings: Settings) -> None:
    write_pair(tmp_path, "one")
    write_pair(tmp_path, "other", settings)
    (section,) = report_of(tmp_path).sections
    assert (section.label, len(section.rows)) == ("", 4)
    assert section.protocol == {
        "dataset.protocol": "standard",
        "dataset.validation_fraction": "0.1",
        "training.batch_size": "128",
        "training.epochs": "40",
        "gradients": "12000",
    }


def test_a_record_from_before_a_setting_was_added_has_the_protocol_of_null(tmp_path: Path) -> None:
    write_run(tmp_path / "old")
    write_run(tmp_path / "new", method="hta", settings={"dataset": {"subset": None}})
    assert len(report_of(tmp_path).sections) == 1


def test_a_method_of_two_gradients_a_step_meets_the_control_that_pays_as_many(tmp_path: Path) -> None:
    for seed in range(3):
        write_run(tmp_path / f"b{seed}", seed=seed, acc=0.5)
        write_run(tmp_path / f"h{seed}", seed=seed, acc=0.6, method="hta", gradients=24000)
    paid, plain = report_of(tmp_path).sections
    assert (paid.label, plain.label) == ("24000 gradients", "12000 gradients")
    refused = "no run of method baseline here with 24000 gradients, only with 12000 gradients"
    assert (paid.comparisons, paid.no_baseline) == ((), refused)
    assert f"hta is not compared: {refused}." in to_dict(report_of(tmp_path))["verdicts"]
    for seed in range(3):
        settings = {"training": {"epochs": 80}}
        write_run(tmp_path / f"c{seed}", seed=seed, acc=0.55, gradients=24000, settings=settings)
    (one,) = report_of(tmp_path).sections[0].comparisons
    assert (one.method, one.cost_ratio) == ("hta", 1.0)
    assert one.mean_difference == pytest.approx(0.05)
    assert one.differs_in == {"training.epochs": ("40", "80")}


@pytest.mark.parametrize("diverged", [[1], [0, 1, 2]])
def test_a_diverged_run_that_stopped_early_leaves_no_section(tmp_path: Path, diverged: list[int]) -> None:
    for seed in range(3):
        write_run(tmp_path / f"b{seed}", seed=seed)
        broken: dict[str, Any] = {"status": "diverged", "acc": 0.1, "gradients": 40} if seed in diverged else {}
        write_run(tmp_path / f"h{seed}", seed=seed, method="hta", **broken)
    (section,) = report_of(tmp_path).sections
    (one,) = section.comparisons
    assert (one.pairs, one.collapsed_seeds, one.collapsed_baseline_seeds) == (3, tuple(diverged), ())


def test_line_searches_are_compared_among_themselves_at_equal_epochs(tmp_path: Path) -> None:
    write_pair(tmp_path, "adamw")
    lbfgs: Settings = {"optimizer": {"name": "lbfgs", "lr": 1.0}}
    for method in ("baseline", "hta", "identity_homotopy"):
        for seed in range(3):
            state: dict[str, Any] = {"acc": 0.1, "status": "diverged"} if method == "identity_homotopy" else {}
            gradients = 20000 + 100 * seed + len(method)
            write_run(
                tmp_path / f"l{method}{seed}", seed=seed, method=method, settings=lbfgs, gradients=gradients, **state
            )
    counted, varying = report_of(tmp_path).sections
    assert [section.label for section in (counted, varying)] == ["12000 gradients", "varying gradients"]
    assert sorted(one.method for one in varying.comparisons) == ["hta", "identity_homotopy"]
    assert len(counted.comparisons) == 1
    assert varying.protocol["training.epochs"] == "40"


@pytest.mark.parametrize("more", [11999, 12001])
def test_one_odd_count_does_not_part_a_row_from_its_baseline(tmp_path: Path, more: int) -> None:
    for seed in range(3):
        write_run(tmp_path / f"b{seed}", seed=seed)
        write_run(tmp_path / f"h{seed}", seed=seed, method="hta", gradients=12000 if seed else more)
    assert len(report_of(tmp_path).sections) == 1


def test_without_counted_gradients_epochs_are_the_budget(tmp_path: Path) -> None:
    for epochs in (1, 12):
        write_pair(tmp_path, f"{epochs}", {"training": {"epochs": epochs}})
    for file in tmp_path.rglob("summary.json"):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"cost": None}))
    sections = report_of(tmp_path).sections
    assert [section.label for section in sections] == ["training.epochs=1", "training.epochs=12"]


@pytest.fixture(name="controlled")
def _controlled(tmp_path: Path) -> Path:
    """A control that is best on validation, and the baseline that it must not replace."""
    write: Callable[..., Path] = write_run
    for seed in range(3):
        write(tmp_path / f"b{seed}", seed=seed, acc=0.5, val=0.5)
        write(tmp_path / f"c{seed}", seed=seed, acc=0.6, val=0.9, settings={"lr_schedule": {"name": "trace"}})
        write(tmp_path / f"h{seed}", seed=seed, acc=0.55, method="hta")
    return tmp_path


def test_a_control_is_never_the_strongest_baseline(controlled: Path) -> None:
    (section,) = report_of(controlled).sections
    assert section.baseline is not None
    assert (section.baseline.label, section.baseline.candidates) == ("lr_schedule.name=warmup_cosine", 1)
    (section,) = report_of(controlled, baseline={"model.init": "kaiming"}).sections
    assert section.baseline is not None
    assert section.baseline.label == "lr_schedule.name=warmup_cosine"


def test_a_control_is_compared_with_where_its_schedule_is_asked_for(controlled: Path) -> None:
    (section,) = report_of(controlled, baseline={"lr_schedule.name": "trace"}).sections
    assert section.comparisons[0].mean_difference == pytest.approx(-0.05)
    for file in controlled.glob("b*/summary.json"):
        file.unlink()
    (section,) = report_of(controlled).sections
    assert section.no_baseline.startswith("the only baselines here are controls; pick one with --baseline lr_schedule.")


def test_the_schedule_of_a_control_is_the_one_that_replays() -> None:
    assert Trace().name == CONTROL
