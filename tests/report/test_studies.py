"""Studies are found below folders and read from the records of their trials; what is wrong with one is a value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from homotopy_bench.report.runs import Unusable
from homotopy_bench.report.studies import Study, read_studies
from tests.report.html.conftest import TRIALS, write_search


def the_study(found) -> Study:
    (study,) = (one for one in found if isinstance(one, Study))
    return study


def problems(found) -> list[tuple[str, str]]:
    return [(one.path.name, one.reason) for one in found if isinstance(one, Unusable)]


def test_trials_have_the_settings_values_and_ends_of_their_records(write_run, tmp_path):
    ends = [
        (0.001, 0.1, 0.5, "completed"), (0.1, 0.2, 0.1, "diverged"), (0.01, 0.3, None, "pruned"),
        (0.02, 0.4, None, "failed"), (0.03, 0.5, None, "interrupted"), (0.04, 0.6, None, "completed"),
    ]  # fmt: skip
    folder = write_search(write_run, tmp_path / "outputs" / "studies" / "mine", ends, n_trials=12, sampler="qmc")
    (folder / "7").mkdir()
    study = the_study(read_studies([tmp_path]))
    assert [(one.number, one.status) for one in study.trials] == [
        (0, "completed"), (1, "diverged"), (2, "pruned"), (3, "failed"), (4, "open"), (5, "failed"), (7, "open"),
    ]  # fmt: skip
    assert [one.val_acc for one in study.trials] == [0.5, 0.1, None, None, None, None, None]
    assert [(one.learning_rate, one.warmup) for one in study.trials[:-1]] == [end[:2] for end in ends]
    assert {one.warmup_key for one in study.trials[:-1]} == {"lr_schedule.warmup_fraction"}
    assert [one.gradients for one in study.trials] == [400.0] * 5 + [400.0, None]
    assert study.best == study.trials[0]
    assert (study.name, study.sampler, study.choice, study.asked, study.missing) == ("mine", "qmc", "sobol", 12, 1)
    assert (study.dataset, study.model, study.method) == ("mnist1d", "mlp", "baseline")
    assert study.protocol["training.epochs"] == "40"
    assert study.protocol["gradients"] == "400"


def test_warm_up_is_that_of_the_path_where_t_moves(write_run, tmp_path):
    write_search(write_run, tmp_path / "s", TRIALS, method="identity_homotopy")
    study = the_study(read_studies([tmp_path]))
    assert {one.warmup_key for one in study.trials} == {"continuation.warmup_fraction"}
    assert [one.warmup for one in study.trials] == [trial[1] for trial in TRIALS]


def test_the_last_attempt_at_a_trial_counts_and_a_study_found_twice_counts_once(write_run, tmp_path):
    folder = write_search(write_run, tmp_path / "s", TRIALS)
    for attempt, accuracy in ((2, 0.6), (10, 0.7)):
        write_run(folder / f"3_attempt{attempt}", seed=1000, acc=accuracy)
    study = the_study(read_studies([folder, tmp_path, folder / "0"]))
    assert [one.val_acc for one in study.trials][2:5] == [pytest.approx(0.34), 0.7, pytest.approx(0.38)]


@pytest.mark.parametrize(
    ("sampler", "startup", "choice"),
    [
        ("random", 10, "independent"), ("qmc", 10, "sobol"), ("grid", 10, "grid"), ("tpe", 3, "learning"),
        ("tpe", 6, "sobol"), ("cmaes", 5, "learning"), ("my_own", 99, "learning"), (None, 99, "learning"),
    ],
)  # fmt: skip
def test_only_random_trials_are_independent(sampler, startup, choice, write_run, tmp_path):
    write_search(write_run, tmp_path / "s", TRIALS, sampler=sampler, startup_trials=startup)
    assert the_study(read_studies([tmp_path])).choice == choice


def test_another_multirun_is_no_study_and_hidden_folders_are_not_entered(write_run, tmp_path):
    write_search(write_run, tmp_path / ".old" / "s", TRIALS)
    multirun = tmp_path / "multirun"
    write_run(multirun / "0")
    for content in ("hydra: {sweeper: {max_batch_size: null}}", "hydra: 3", "[]", ""):
        (multirun / "multirun.yaml").write_text(content)
        assert read_studies([tmp_path]) == ()


def test_a_damaged_or_absent_file_is_one_line_and_the_rest_is_read(write_run, tmp_path):
    folder = write_search(write_run, tmp_path / "torn", TRIALS)
    text = (folder / "0" / "summary.json").read_text()
    (folder / "0" / "summary.json").write_text(text[: len(text) // 2])
    (folder / "1" / "summary.json").unlink()  # it runs still, or was killed
    found = read_studies([tmp_path])
    assert [(name, "not whole JSON" in reason, reason[:8]) for name, reason in problems(found)] == [
        ("0", True, "trial 0:")
    ]
    assert [one.status for one in the_study(found).trials] == ["open", "open", *["completed"] * 4]

    for content in ("hydra: {sweeper: {study", "hydra: {sweeper: &a {study: *a}}", b"\xff\xfe\x00"):
        (folder / "multirun.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
        ((name, reason),) = problems(read_studies([tmp_path]))
        assert name == "torn"
        assert reason.startswith("multirun.yaml ")
    (folder / "multirun.yaml").unlink()
    (folder / "study.journal").write_text("")
    assert problems(read_studies([tmp_path])) == [("torn", "no multirun.yaml, which says what of a study this is")]


def test_a_study_without_records_or_without_accuracies_is_one_line(write_run, tmp_path):
    write_search(write_run, tmp_path / "a", [])
    write_search(write_run, tmp_path / "b", TRIALS, objectives=["train_seconds"])
    write_search(write_run, tmp_path / "c", TRIALS, objectives="=1")
    assert problems(read_studies([tmp_path])) == [
        ("a", "no trial of this study has a record"),
        ("b", "it does not optimise val_acc, which is what the page shows of a study"),
        ("c", "it does not optimise val_acc, which is what the page shows of a study"),
    ]


@pytest.mark.parametrize(
    "options",
    [{"study": {"a": 1}, "n_trials": "many"}, {"study": "x" * 9000, "n_trials": 10**400}, {"sampler": ["tpe"]}],
)
def test_options_of_another_type_are_no_error(options, write_run, tmp_path):
    write_search(write_run, tmp_path / "s", TRIALS, **options)
    study = the_study(read_studies([tmp_path]))
    assert len(study.name) <= 200
    assert len(study.trials) == 6


def test_settings_of_another_type_are_left_out(write_run, tmp_path):
    folder = write_search(write_run, tmp_path / "s", TRIALS)
    for number, rate in enumerate(("0.1", True, None, float("nan"), -1.0, 10**400)):
        file = folder / str(number) / "summary.json"
        document = json.loads(file.read_text())
        document["config"]["optimizer"]["lr"] = rate
        file.write_text(json.dumps(document))
    assert [one.learning_rate for one in the_study(read_studies([tmp_path])).trials] == [None] * 6


def test_what_is_searched_of_the_protocol_is_said(write_run, tmp_path):
    folder = write_search(write_run, tmp_path / "s", TRIALS)
    file = folder / "0" / "summary.json"
    document = json.loads(file.read_text())
    document["config"]["training"]["epochs"] = 7
    document["config"]["method"]["name"] = "hta"
    file.write_text(json.dumps(document))
    study = the_study(read_studies([tmp_path]))
    assert study.protocol["training.epochs"] == "searched"
    assert study.method == "baseline, hta"


def test_a_folder_that_vanishes_is_no_error(write_run, tmp_path, monkeypatch):
    write_search(write_run, tmp_path / "s", TRIALS)
    listed = Path.iterdir

    def vanish(self):
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "iterdir", vanish)
    assert problems(read_studies([tmp_path])) == [("s", "no trial of this study has a record")]
    monkeypatch.setattr(Path, "iterdir", listed)
    assert read_studies([tmp_path / "nowhere"]) == ()


def test_a_name_that_is_put_together_is_that_of_the_folder(write_run, tmp_path):
    write_search(write_run, tmp_path / "s", TRIALS, study="${oc.env:USER}")
    assert the_study(read_studies([tmp_path])).name == "s"
