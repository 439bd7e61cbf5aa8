"""Studies without training: trials repeat exactly, are taken once, ended once, and survive their workers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import optuna
import pytest
from hydra.core.utils import JobReturn
from optuna.storages import JournalStorage
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError

from homotopy_bench.config.compose import experiment_file
from homotopy_bench.core.errors import InputError
from homotopy_bench.sweeps.launchers.base import SweepLauncher
from homotopy_bench.sweeps.studies.journal import Journal
from homotopy_bench.sweeps.studies.outcome import Outcome, read_outcome
from homotopy_bench.sweeps.studies.storage import open_storage
from homotopy_bench.sweeps.studies.study import ATTEMPTS, Claim
from homotopy_bench.sweeps.studies.sweeper import _run
from homotopy_bench.tracking.record import SCHEMA
from tests.sweeps.studies import MIXED, NUMBERS, SAMPLERS, FormulaStudy, accuracy, space_for
from tests.sweeps.workers import check_that_a_killed_worker_is_replaced


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_seed_repeats_its_trials_on_every_storage(sampler: str, tmp_path: Path) -> None:
    found = []
    storages = ("memory", None, f"sqlite:///{tmp_path / 's.db'}" if sampler in ("tpe", "cmaes") else "memory")
    for storage in storages:
        study = FormulaStudy(tmp_path, space_for(sampler), sampler=sampler, storage=storage, n_trials=12)
        study.run()
        found.append(study.points())
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 12
    other = FormulaStudy(tmp_path, space_for(sampler), sampler=sampler, storage="memory", seed=1, n_trials=12)
    other.run()
    assert (other.points() == found[0]) == (sampler == "grid")


@pytest.mark.parametrize("sampler", ["tpe", "qmc", "random"])
def test_a_continued_study_has_the_trials_of_an_uninterrupted_one(sampler: str, tmp_path: Path) -> None:
    whole = FormulaStudy(tmp_path, MIXED, sampler=sampler, storage="memory")
    whole.run()
    FormulaStudy(tmp_path, MIXED, sampler=sampler, n_trials=12).run(stop_after=8)
    FormulaStudy(tmp_path, MIXED, sampler=sampler, n_trials=12).run()
    FormulaStudy(tmp_path, MIXED, sampler=sampler).run()
    again = FormulaStudy(tmp_path, MIXED, sampler=sampler)
    assert again.points() == whole.points()
    assert again.claim() is None


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes"])
def test_a_sampler_that_learns_finds_the_hill(sampler: str, tmp_path: Path) -> None:
    study = FormulaStudy(tmp_path, NUMBERS, sampler=sampler, storage="memory", n_trials=24, startup_trials=8, batch=1)
    study.run()
    rates = [trial.params["optimizer.lr"] for trial in study.ended()]

    misses = [0.7 - accuracy([f"optimizer.lr={rate}"]) for rate in rates]
    assert median(misses[-12:]) < 0.5 * median(misses[:8])


def test_a_grid_has_every_point_once(tmp_path: Path) -> None:
    study = FormulaStudy(tmp_path, space_for("grid"), sampler="grid", storage="memory", n_trials=100)
    study.run()
    points = [(trial.params["optimizer.lr"], trial.params["training.epochs"]) for trial in study.ended()]
    assert points == [(lr, epochs) for lr in ("0.0001", "0.001", "0.01") for epochs in (10, 20, 30, 40, 50)]


@pytest.mark.parametrize(
    ("sampler", "space", "says"),
    [("grid", NUMBERS, "infinitely many"), ("grid", MIXED, "infinitely many"), ("cmaes", MIXED, "is a choice")],
)
def test_a_sampler_refuses_a_space_that_it_cannot_search(sampler: str, space: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        FormulaStudy(tmp_path, space, sampler=sampler, storage="memory")


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_workers_run_every_trial_although_one_is_killed(kind: str, tmp_path: Path) -> None:
    check_that_a_killed_worker_is_replaced(tmp_path, None if kind == "journal" else f"sqlite:///{tmp_path / 's.db'}")


def test_workers_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 's.db'}"
    with ThreadPoolExecutor(4) as pool:
        studies = list(pool.map(lambda _: FormulaStudy(tmp_path, NUMBERS, storage=url, n_trials=1), range(4)))
    assert [study.claim() is not None for study in studies] == [True, False, False, False]


def begin(folder: Path, **changed: Any) -> tuple[FormulaStudy, Any]:
    study = FormulaStudy(folder, MIXED, **changed)
    claim = study.claim()
    assert claim is not None
    return study, claim


def as_if_dead(study: FormulaStudy, number: int = 0) -> None:
    """Let the worker of a trial be one on another machine that has been silent for long."""
    trial = study.ended()[number]
    run = {**trial.user_attrs["run"], "worker": "elsewhere:1:x"}
    study.trials.storage.optuna.set_trial_user_attr(trial._trial_id, "run", run)


def test_a_trial_is_left_alone_while_its_worker_lives(tmp_path: Path) -> None:
    study, _ = begin(tmp_path, n_trials=1)
    other = FormulaStudy(tmp_path, MIXED, n_trials=1)
    assert other.claim() is None
    as_if_dead(study)
    study.trials.study.set_user_attr("worker elsewhere:1:x", time.time() + 60)
    assert other.claim() is None
    study.trials.study.set_user_attr("worker elsewhere:1:x", time.time() - 1)
    assert other.claim() is not None


def test_a_trial_that_is_taken_over_keeps_its_parameters_and_gets_a_new_folder(tmp_path: Path) -> None:
    study, first = begin(tmp_path, n_trials=1)
    as_if_dead(study)
    second = study.claim()
    assert second is not None
    assert (second.number, second.overrides) == (first.number, first.overrides)
    assert (first.subfolder, second.subfolder) == ("0", "0_attempt2")


def test_a_worker_that_was_only_slow_does_not_end_a_trial_twice(tmp_path: Path) -> None:
    slow, claim = begin(tmp_path, n_trials=1)
    as_if_dead(slow)
    other, taken = begin(tmp_path, n_trials=1)
    slow.trials.settle(claim, Outcome("completed", None, (0.1,), {}, ()))
    assert other.ended()[0].state == TrialState.RUNNING
    other.trials.settle(taken, Outcome("completed", None, (0.9,), {}, ()))
    slow.trials.settle(claim, Outcome("completed", None, (0.1,), {}, ()))
    assert other.ended()[0].value == 0.9


def write_summary(folder: Path, status: str, overrides: Sequence[str]) -> None:
    folder.mkdir()
    summary = {"schema": SCHEMA, "status": status, "reason": None, "final": {"val_acc_target": 0.5}, "cost": {}}
    (folder / "summary.json").write_text(json.dumps({**summary, "overrides": list(overrides)}))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("completed", TrialState.COMPLETE),
        ("diverged", TrialState.COMPLETE),
        ("pruned", TrialState.PRUNED),
        ("failed", TrialState.FAIL),
        ("interrupted", None),
    ],
)
def test_what_a_dead_worker_has_trained_is_not_trained_again(status: str, state: Any, tmp_path: Path) -> None:
    study, claim = begin(tmp_path, n_trials=1)
    write_summary(tmp_path / claim.subfolder, status, claim.overrides)
    as_if_dead(study)
    again = study.claim()
    trial = study.ended()[0]
    if state is None:
        assert again is not None
        assert trial.state == TrialState.RUNNING
    else:
        assert again is None
        assert (trial.state, trial.user_attrs["result"]["status"]) == (state, status)
        assert trial.value == (0.5 if state == TrialState.COMPLETE else None)


def test_a_record_of_another_setting_is_no_trials_end(tmp_path: Path) -> None:
    study, claim = begin(tmp_path, n_trials=1)
    write_summary(tmp_path / claim.subfolder, "completed", [*claim.overrides[:-1], "optimizer.lr=7"])
    as_if_dead(study)
    again = study.claim()
    assert again is not None
    assert (again.subfolder, study.ended()[0].state) == ("0_attempt2", TrialState.RUNNING)
    overrides = ["logger.wandb.name='${method.name}'", "seed=1"]  # a record has the name itself
    write_summary(tmp_path / "named", "completed", ["logger.wandb.name='hta'", "seed=1"])
    assert read_outcome(tmp_path / "named", ["val_acc"], overrides) is not None


def test_a_new_trial_leaves_folders_alone_in_which_others_lie(tmp_path: Path) -> None:
    for name in ("0", "0_attempt2", "1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").touch()
    study, claim = begin(tmp_path, n_trials=1)
    assert claim.subfolder == "0_attempt3"
    study.trials.release(claim)
    assert study.claim() == claim  # nobody has begun it


def given_back(study: FormulaStudy, claim: Claim) -> Claim:
    study.trials.release(claim)
    again = study.claim()
    assert again is not None
    return again


def test_a_trial_goes_on_where_its_own_configuration_stands_and_its_checkpoint_can_be_used(tmp_path: Path) -> None:
    study, claim = begin(tmp_path, n_trials=1)
    study.begun = list(claim.overrides)
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "checkpoint.pt").touch()
    (tmp_path / "0" / "metrics.jsonl").touch()
    folders = []
    for _ in range(ATTEMPTS + 1):
        claim = given_back(study, claim)
        folders.append(claim.subfolder)
    assert folders == ["0"] * (ATTEMPTS - 1) + ["0_attempt2"] * 2  # it ended three times at one checkpoint
    (tmp_path / "0_attempt2").mkdir()
    (tmp_path / "0_attempt2" / "checkpoint.pt").touch()
    for begun, expected in ((study.begun, "0_attempt2"), ([], "0_attempt3")):  # then with hardware.threads=2
        study.begun = begun
        claim = given_back(study, claim)
        assert claim.subfolder == expected


class Losing(SweepLauncher):
    """A launcher whose jobs fail before they have a record."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        self.errors = {initial_job_idx + number: self.error for number in range(len(job_overrides))}
        return []

    def run_batch(self, batch: Mapping[int, list[str]], sweep: Path) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("error", "times", "said"),
    [
        (RuntimeError("node n1 is gone"), ATTEMPTS, "RuntimeError: node n1 is gone"),
        (InputError("method.anchor", -1, "accepted: a number > 0"), 1, "method.anchor=-1: accepted: a number > 0"),
    ],
)
def test_a_job_that_is_lost_before_its_record_is_open_and_one_that_is_refused_has_failed(
    error: Exception, times: int, said: str, tmp_path: Path
) -> None:
    for _ in range(times):
        study, claim = begin(tmp_path, n_trials=1)
        with pytest.raises(InputError, match=f"all 1 of a batch failed: {said}"):
            _run([claim], study.trials, Losing(error))
        assert study.claim() is None
    FormulaStudy(tmp_path, MIXED, n_trials=1).claim()
    assert study.ended()[0].state == TrialState.FAIL
    assert study.trials.unfinished == ({} if times == 1 else {0: said})


def test_a_trial_that_kills_its_workers_fails(tmp_path: Path) -> None:
    study, _ = begin(tmp_path, n_trials=1)
    for _attempt in (2, 3):
        as_if_dead(study)
        assert study.claim() is not None
    as_if_dead(study)
    assert study.claim() is None
    assert study.ended()[0].user_attrs["result"]["reason"] == "3 workers died with it"


def test_a_trial_that_is_given_back_is_nobodys_death(tmp_path: Path) -> None:
    study, claim = begin(tmp_path, n_trials=1)
    for attempt in range(1, 6):
        assert claim.subfolder == ("0" if attempt == 1 else f"0_attempt{attempt}")
        study.trials.release(claim)
        before, claim = claim, study.claim()
        assert claim is not None
        assert claim.subfolder == before.subfolder  # it never began
        (tmp_path / claim.subfolder).mkdir()
        study.trials.release(claim)
        claim = study.claim()
        assert claim is not None


def test_another_study_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = FormulaStudy(tmp_path, MIXED)
    study.trials.belongs_to({"search space": {"x": "1", "y": "2"}, "setting": ["a=1"]})
    study.trials.belongs_to({"search space": {"x": "1", "y": "2"}, "setting": ["a=1"]})
    with pytest.raises(InputError, match="its search space is another: there y: 2, here 3; accepted: another"):
        study.trials.belongs_to({"search space": {"x": "1", "y": "3"}, "setting": ["a=1"]})
    with pytest.raises(InputError, match="its setting is another: there a=1, here a=2"):
        study.trials.belongs_to({"search space": {"x": "1", "y": "2"}, "setting": ["a=2"]})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "best.yaml").touch()
    with pytest.raises(InputError, match=r"there a=1, here experiment=best\.yaml;"):  # as it was typed
        study.trials.belongs_to({"setting": [experiment_file("experiment=best.yaml")]})


def test_a_journal_cut_anywhere_can_be_continued(tmp_path: Path) -> None:
    study = FormulaStudy(tmp_path, MIXED, n_trials=2)
    study.run()
    params = [trial.params for trial in study.ended()]
    whole = (tmp_path / "study.journal").read_bytes()
    last = len(whole[:-1].rpartition(b"\n")[2]) + 1
    for left_out in range(1, last + 1, 7):
        path = tmp_path / "torn.journal"
        path.write_bytes(whole[:-left_out])
        JournalStorage(Journal(path)).set_study_user_attr(0, "after", left_out)
        assert path.read_bytes().startswith(whole[:-last])
        kept = JournalStorage(Journal(path))
        assert kept.get_study_user_attrs(0)["after"] == left_out
        assert len(kept.get_all_trials(0)) == 2
    (tmp_path / "study.journal").write_bytes(whole[: -last // 2])
    again = FormulaStudy(tmp_path, MIXED, n_trials=3)
    again.run()
    assert [trial.params for trial in again.ended()[:2]] == params
    assert again.ended()[2].state == TrialState.COMPLETE


class LosesAnAnswer:
    """A lock that is lost after what was done under it has been done, as a connection may be."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __enter__(self) -> None:
        pass

    def __exit__(self, *raised: object) -> None:
        self.times -= 1
        if self.times >= 0:
            raise OperationalError("SELECT 1", {}, Exception("server closed the connection"))


def test_a_trial_whose_taking_was_not_confirmed_is_run_by_who_took_it(tmp_path: Path) -> None:
    study = FormulaStudy(tmp_path, MIXED, n_trials=4, storage="memory")
    undisturbed = FormulaStudy(tmp_path, MIXED, n_trials=4, storage="memory")
    lock = LosesAnAnswer(times=1)
    study.trials.storage.lock = lambda: lock
    first = study.claim()
    assert first is not None
    assert (first.number, first.subfolder) == (0, "0")
    assert study.claim() != first
    study.trials.release(first)
    lock.times = 1
    again = study.claim()
    assert again == first
    lock.times = 1
    study.settle(again)
    lock.times = 1
    study.run()
    undisturbed.run()
    assert [trial.state for trial in study.ended()] == [
        TrialState.RUNNING if k == 1 else TrialState.COMPLETE for k in range(4)
    ]
    assert study.ended()[0].params == undisturbed.ended()[0].params


def test_a_storage_that_comes_back_is_waited_for(tmp_path: Path) -> None:
    storage = open_storage(None, "test", tmp_path, patience=5.0)
    calls: list[int] = []

    def comes_back() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise OperationalError("SELECT 1", {}, Exception("server closed the connection"))
        return "answer"

    assert storage.patiently(comes_back) == "answer"


def test_patience_begins_with_the_first_failure(tmp_path: Path) -> None:
    """What is done before a connection is lost may take longer, such as a first import."""
    storage = open_storage(None, "test", tmp_path, patience=0.2)
    calls: list[int] = []

    def slow_and_lost_once() -> str:
        calls.append(1)
        if len(calls) == 1:
            time.sleep(0.3)
            raise OperationalError("SELECT 1", {}, Exception("server closed the connection"))
        return "answer"

    assert storage.patiently(slow_and_lost_once) == "answer"


def test_a_storage_that_stays_away_ends_with_one_line(tmp_path: Path) -> None:
    storage = open_storage(None, "test", tmp_path, patience=0.2)

    def gone() -> None:
        raise OperationalError("SELECT 1", {}, Exception("server closed the connection\nunexpectedly"))

    with pytest.raises(InputError) as caught:
        storage.locked(gone)
    line = str(caught.value)
    assert line.startswith(f"hydra.sweeper.storage={tmp_path}/study.journal: no answer for 0.2 s (server closed")
    assert line.endswith("nothing is lost: the same command continues")


WRONG = (
    ("nonsense", "hydra.sweeper.storage=nonsense: accepted: null for a journal"),
    ("nodb://host/x", "hydra.sweeper.storage=nodb://host/x: accepted: null for a journal"),
    ("sqlite://", "hydra.sweeper.storage=sqlite://: accepted: null for a journal"),
    ("sqlite:////nowhere/s.db", "hydra.sweeper.storage=sqlite:////nowhere/s.db: no such folder"),
    ("/proc/x.journal", "hydra.sweeper.storage=/proc/x.journal: this cannot be written"),
    ("FILE.journal", "hydra.sweeper.storage=FILE.journal: this is no journal of Optuna"),
)


@pytest.mark.parametrize(("written", "says"), WRONG, ids=[written for written, _ in WRONG])
def test_a_wrong_storage_is_one_line(written: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE.journal").write_text("no\njournal\n")
    with pytest.raises(InputError) as caught:
        open_storage(written, "test", tmp_path, patience=1.0)
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)
