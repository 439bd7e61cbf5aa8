"""Rows and comparisons against numbers worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from homotopy_bench.core.errors import InputError
from homotopy_bench.report import Report, Run, build_report, read_runs, to_dict, to_markdown


def write_group(write: Callable[..., Path], root: Path, accs: dict[int, float], **options: Any) -> None:
    """Write one run per seed, in folders named after the method, the initialisation and the seed."""
    for seed, acc in accs.items():
        name = f"{options.get('method', 'baseline')}-{options.get('init', 'kaiming')}-{seed}"
        write(root / options.get("dataset", "mnist1d") / name, seed=seed, acc=acc, **options)


def report_of(root: Path, **options: Any) -> Report:
    return build_report(read_runs([root]), **options)


def test_a_row_holds_the_statistics_of_its_runs(tmp_path, write_run):
    accs = {0: 0.50, 1: 0.52, 2: 0.54, 3: 0.56, 4: 0.78}
    write_group(write_run, tmp_path, accs, on_path=0.9)
    (section,) = report_of(tmp_path).sections
    (row,) = section.rows
    assert (section.dataset, section.model, row.method, row.label) == ("mnist1d", "mlp", "baseline", "")
    assert (row.runs, row.diverged, row.seeds) == (5, 0, (0, 1, 2, 3, 4))
    assert row.mean == pytest.approx(0.58)
    assert row.std is not None
    assert row.std == pytest.approx(np.std(list(accs.values()), ddof=1))
    assert row.iqm == pytest.approx(0.54)
    assert row.interval is not None
    # 2.7764 is the 97.5 % quantile of Student's t with 4 degrees of freedom.
    half = 2.7764 * row.std / 5**0.5
    assert (row.interval.low, row.interval.high) == pytest.approx((0.58 - half, 0.58 + half), abs=1e-5)
    assert row.path_mean == pytest.approx(0.9)
    assert row.path_runs == 5
    assert (row.train_seconds, row.gradient_evaluations, row.forward_equivalents) == (48, 12000, 36000)
    assert row.paths == tuple(str(tmp_path / "mnist1d" / f"baseline-kaiming-{seed}") for seed in range(5))


def test_a_row_holds_the_means_of_precision_recall_and_f1(tmp_path, write_run):
    write_run(tmp_path / "0", seed=0, macro=(0.5, 0.25, 0.125))
    write_run(tmp_path / "1", seed=1, macro=(0.75, 0.5, 0.375))
    write_run(tmp_path / "old", method="hta")
    new, old = sorted(report_of(tmp_path).sections[0].rows, key=lambda row: row.method)
    assert (new.precision_mean, new.recall_mean, new.f1_mean) == (0.625, 0.375, 0.25)
    assert (old.precision_mean, old.recall_mean, old.f1_mean) == (None, None, None)


def test_diverged_runs_are_in_the_mean_and_counted(tmp_path, write_run):
    write_group(write_run, tmp_path, {0: 0.6, 1: 0.6})
    write_run(tmp_path / "d", seed=2, status="diverged", acc=0.1)
    (row,) = report_of(tmp_path).sections[0].rows
    assert (row.runs, row.diverged) == (3, 1)
    assert row.mean == pytest.approx(1.3 / 3)


def test_a_diverged_run_is_no_measurement_no_small_gradient_and_no_saving(tmp_path, write_run):
    where = {"split": "test", "samples": 9, "mode": "fast", "t": 1.0, "metric": "trace"}
    write_group(write_run, tmp_path, dict.fromkeys(range(6), 0.5), gradients=1000)
    for seed in range(6):
        diverged = seed > 1
        status = {"status": "diverged", "gradients": 100} if diverged else {"gradients": 1000}
        run = write_run(tmp_path / f"hta-{seed}", method="hta", seed=seed, acc=0.1 if diverged else 0.7, **status)
        entry = {"of": where, "result": {"trace": {"value": 500.0 if diverged else 1.0}}}
        (run / "landscape.json").write_text(json.dumps({"schema": 1, "entries": [entry]}))
        summary = json.loads((run / "summary.json").read_text())
        summary["stability"] = {"loss_spikes": 0, "max_grad_norm": None if diverged else 4.0}
        summary["final"]["test_loss_target"] = None if diverged else 0.9
        (run / "summary.json").write_text(json.dumps(summary))
    report = report_of(tmp_path)
    row = next(row for row in report.sections[0].rows if row.method == "hta")
    assert (row.landscape["test"]["trace"].mean, row.landscape["test"]["trace"].runs) == (1.0, 2)
    assert (row.max_grad_norm, row.loss_mean, row.loss_runs) == (np.inf, 0.9, 2)
    assert "hta: test loss is finite, and averaged, in 2 of 6 runs." in to_markdown(report)
    assert report.sections[0].comparisons[0].cost_ratio == 1.0
    assert to_dict(report)["sections"][0]["rows"][1]["max_grad_norm"] is None


def test_what_had_another_meaning_in_an_earlier_version_is_not_averaged(tmp_path, write_run):
    where = {"split": "test", "samples": 9, "mode": "full", "t": 1.0, "metric": "m_sharpness"}
    for seed, (revision, value) in enumerate((({}, 5.0), ({"revision": 2}, 1.0))):
        run = write_run(tmp_path / str(seed), seed=seed)
        entry = {"of": {**where, **revision}, "result": {"m_sharpness": {"value": value}}}
        (run / "landscape.json").write_text(json.dumps({"schema": 1, "entries": [entry]}))
    (row,) = report_of(tmp_path).sections[0].rows
    assert (row.landscape["test"]["m_sharpness"].mean, row.landscape["test"]["m_sharpness"].runs) == (1.0, 1)


@pytest.mark.parametrize("status", ["failed", "interrupted", "pruned"])
def test_other_statuses_are_listed_and_not_averaged(tmp_path, write_run, status):
    write_group(write_run, tmp_path, {0: 0.6, 1: 0.6})
    write_run(tmp_path / "x", seed=2, status=status, acc=0.1, reason="because")
    report = report_of(tmp_path)
    assert report.sections[0].rows[0].runs == 2
    assert [(one.kind, one.path, one.reason) for one in report.unusable] == [(status, tmp_path / "x", "because")]


def test_only_unfinished_runs_make_a_report_without_tables(tmp_path, write_run):
    write_run(tmp_path / "x", status="failed", acc=None)
    report = report_of(tmp_path)
    assert (report.sections, len(report.unusable), report.tests) == ((), 1, 0)


def test_rows_are_ranked_by_the_target_and_not_by_the_path(tmp_path, write_run):
    write_group(write_run, tmp_path, {0: 0.6, 1: 0.6}, method="hta", on_path=0.6)
    write_group(write_run, tmp_path, {0: 0.5, 1: 0.5}, method="identity_homotopy", on_path=0.9)
    assert [row.method for row in report_of(tmp_path).sections[0].rows] == ["hta", "identity_homotopy"]


def test_a_comparison_pairs_equal_seeds(tmp_path, write_run):
    # Seeds 1, 2, 3 pair up: +0.02, +0.04, +0.06. Means over all runs would say something else entirely.
    write_group(write_run, tmp_path, {0: 0.90, 1: 0.50, 2: 0.60, 3: 0.70})
    write_group(write_run, tmp_path, {1: 0.52, 2: 0.64, 3: 0.76, 4: 0.1, 5: 0.1}, method="hta", products=6000)
    report = report_of(tmp_path)
    (one,) = report.sections[0].comparisons
    assert (one.method, one.label, one.pairs, one.unequal_pairs) == ("hta", "", 3, 3)
    assert (one.dropped_seeds, one.dropped_baseline_seeds) == ((4, 5), (0,))
    assert one.mean_difference == pytest.approx(0.04)
    assert one.interval is not None
    # 4.3027 is the 97.5 % quantile of Student's t with 2 degrees of freedom.
    half = 4.3027 * 0.02 / 3**0.5
    assert (one.interval.low, one.interval.high) == pytest.approx((0.04 - half, 0.04 + half), abs=1e-5)
    # All three signs agree: 2 of 8 patterns.
    assert (one.p_value, one.p_holm, one.smallest_p) == (0.25, 0.25, 0.25)
    # 5.6535 standard errors at two degrees of freedom (root of the noncentral t distribution).
    assert one.minimum_detectable_effect == pytest.approx(5.6535 * 0.02 / 3**0.5, rel=1e-4)
    assert one.cost_ratio == 2
    assert report.tests == 1


def test_a_comparison_without_a_common_seed_says_nothing(tmp_path, write_run):
    write_group(write_run, tmp_path, {0: 0.5})
    write_group(write_run, tmp_path, {1: 0.6}, method="hta")
    report = report_of(tmp_path)
    (one,) = report.sections[0].comparisons
    assert (one.pairs, one.mean_difference, one.interval, one.p_value, one.p_holm) == (0, None, None, None, None)
    assert report.tests == 0


def test_equal_runs_differ_in_nothing(tmp_path, write_run):
    accs = {seed: 0.5 + 0.01 * seed for seed in range(6)}
    write_group(write_run, tmp_path, accs)
    write_group(write_run, tmp_path, accs, method="hta")
    (one,) = report_of(tmp_path).sections[0].comparisons
    assert (one.unequal_pairs, one.mean_difference, one.p_value, one.smallest_p) == (0, 0, 1, None)
    assert one.minimum_detectable_effect is None


def two_baselines(write_run, root: Path) -> None:
    # The one that is best on validation is worst on test: choosing by test accuracy would be found out.
    write_group(write_run, root, {0: 0.60, 1: 0.62}, init="kaiming", val=0.50)
    write_group(write_run, root, {0: 0.50, 1: 0.52}, init="orthogonal", val=0.70)
    write_group(write_run, root, {0: 0.65, 1: 0.66}, method="hta", init="kaiming")


def test_the_strong_baseline_is_chosen_on_validation(tmp_path, write_run):
    two_baselines(write_run, tmp_path)
    (section,) = report_of(tmp_path).sections
    assert section.baseline is not None
    assert (section.baseline.label, section.baseline.candidates) == ("model.init=orthogonal", 2)
    assert section.baseline.val_mean == pytest.approx(0.7)
    (one,) = section.comparisons
    assert one.mean_difference == pytest.approx(0.145)
    assert one.differs_in == {"model.init": ("kaiming", "orthogonal")}


def test_one_good_seed_is_not_the_strong_baseline(tmp_path, write_run):
    write_group(write_run, tmp_path, dict.fromkeys(range(4), 0.6), init="kaiming", val=0.60)
    write_group(write_run, tmp_path, {7: 0.6}, init="orthogonal", val=0.61)
    write_group(write_run, tmp_path, dict.fromkeys(range(4), 0.6), method="hta")
    (section,) = report_of(tmp_path).sections
    assert section.baseline is not None
    assert section.baseline.label == "model.init=kaiming"
    assert section.comparisons[0].pairs == 4


def test_a_baseline_that_is_asked_for_is_taken(tmp_path, write_run):
    two_baselines(write_run, tmp_path)
    (section,) = report_of(tmp_path, baseline={"model.init": "kaiming"}).sections
    assert section.baseline is not None
    assert (section.baseline.label, section.baseline.asked) == ("model.init=kaiming", ("model.init=kaiming",))
    (one,) = section.comparisons
    assert one.mean_difference == pytest.approx(0.045)
    assert one.differs_in == {}


@pytest.mark.parametrize("value", ["6e-3", "0.006", 0.006])
def test_a_number_is_found_however_it_is_written(tmp_path, write_run, value):
    two_baselines(write_run, tmp_path)
    (section,) = report_of(tmp_path, baseline={"optimizer.lr": value, "model.init": "kaiming"}).sections
    assert section.baseline is not None
    assert section.baseline.label == "model.init=kaiming"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"model.init": "zero"}, "model.init=zero: the baseline runs here have: kaiming, orthogonal"),
        ({"model.inti": "kaiming"}, "did you mean 'model.init'"),
        ({"seed": 1}, "no baseline run has this key"),
        ({"model.init": "kaiming", "optimizer.lr": 0.1}, "no baseline run has all of them"),
    ],
)
def test_a_baseline_that_fits_nothing_is_an_input_error(tmp_path, write_run, asked, words):
    two_baselines(write_run, tmp_path)
    write_run(tmp_path / "o", seed=7, init="orthogonal", settings={"optimizer": {"lr": 0.1}})
    with pytest.raises(InputError, match=words):
        report_of(tmp_path, baseline=asked)


def test_a_section_without_a_baseline_says_so(tmp_path, write_run):
    write_group(write_run, tmp_path, {0: 0.5})
    write_group(write_run, tmp_path, {0: 0.6}, method="hta", dataset="digits")
    first, second = report_of(tmp_path).sections
    assert (first.dataset, first.comparisons, first.no_baseline) == (
        "digits",
        (),
        "no run of method baseline here",
    )
    assert (second.baseline is not None, second.no_baseline) == (True, "")


def test_a_baseline_asked_for_may_be_missing_from_one_section(tmp_path, write_run):
    two_baselines(write_run, tmp_path)
    write_group(write_run, tmp_path, {0: 0.5}, dataset="digits", init="looks_linear")
    first, second = report_of(tmp_path, baseline={"model.init": "kaiming"}).sections
    assert first.no_baseline == "no baseline with model.init=kaiming here"
    assert second.baseline is not None


def test_baselines_without_validation_accuracy_must_be_picked_by_hand(tmp_path, write_run):
    two_baselines(write_run, tmp_path)
    records = [replace(record, val_acc=None) for record in read_runs([tmp_path]) if isinstance(record, Run)]
    assert "--baseline" in build_report(records).sections[0].no_baseline
    (section,) = build_report(records, baseline={"model.init": "kaiming"}).sections
    assert section.baseline is not None


def test_holm_counts_the_tests_of_all_sections(tmp_path, write_run):
    baseline = dict.fromkeys(range(6), 0.5)
    better = {seed: 0.5 + 0.01 * (seed + 1) for seed in range(6)}
    for dataset in ("digits", "mnist1d"):
        write_group(write_run, tmp_path, baseline, dataset=dataset)
        write_group(write_run, tmp_path, better, dataset=dataset, method="hta")
        write_group(write_run, tmp_path, better | {0: 0.4}, dataset=dataset, method="identity_homotopy")
    report = report_of(tmp_path)
    assert report.tests == 4
    for section in report.sections:
        p = {one.method: (one.p_value, one.p_holm) for one in section.comparisons}
        assert p["hta"] == (0.03125, 0.125)
        # Ranks of 0.1 against 0.02 ... 0.06: the negative one is the largest, 6; 2 P(W <= 6) = 2 * 14 / 64.
        assert p["identity_homotopy"] == (0.4375, 0.875)


def test_the_report_does_not_depend_on_the_order_of_records(tmp_path, write_run):
    two_baselines(write_run, tmp_path)
    write_run(tmp_path / "again", seed=0, acc=0.3, age=10)
    write_run(tmp_path / "failed", status="failed", acc=None)
    write_run(tmp_path / "lost", status="failed", acc=None)
    records = read_runs([tmp_path])
    expected = build_report(records)
    assert build_report(records[::-1]) == expected
    assert build_report(records[3:] + records[:3]) == expected


def test_a_repeated_seed_is_used_once_and_listed(tmp_path, write_run):
    write_run(tmp_path / "old", acc=0.3, age=10)
    write_run(tmp_path / "new", acc=0.5)
    report = report_of(tmp_path)
    (row,) = report.sections[0].rows
    assert (row.runs, row.mean) == (1, 0.5)
    (one,) = report.unusable
    assert (one.kind, one.path) == ("duplicate", tmp_path / "old")
    assert str(tmp_path / "new") in one.reason


def test_selection_on_test_data_and_mixed_code_are_told(tmp_path, write_run):
    source = {"dataset": {"protocol": "source"}}
    write_run(tmp_path / "a", code_version="1", settings=source)
    write_run(tmp_path / "b", code_version="2", settings=source, seed=1, processor="another")
    (section,) = report_of(tmp_path).sections
    assert section.validated_on_test
    assert section.code_versions == ("1", "2")
    assert section.torch_versions == ("2.11.0",)
    assert section.processors == ("a processor", "another")


def test_unknown_costs_leave_the_ratio_open(tmp_path, write_run):
    write_group(write_run, tmp_path, {0: 0.5})
    write_group(write_run, tmp_path, {0: 0.6}, method="hta")
    for file in tmp_path.rglob("summary.json"):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"cost": None}))
    (section,) = report_of(tmp_path).sections
    assert [row.train_seconds for row in section.rows] == [None, None]
    assert section.comparisons[0].cost_ratio is None
