"""Studies in a real database server: workers that are killed, and a server that goes away."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from homotopy_bench.core.errors import InputError
from homotopy_bench.sweeps.studies.storage import open_storage
from tests.cli.forks import Fork
from tests.cli.runner import LIMIT, SEND_AT, TINY, TRAIN, ended, environment, run_cli, summary, the_error_line
from tests.servers import needed
from tests.sweeps.database import PASSWORD, Server, running
from tests.sweeps.mariadb import MariaDB
from tests.sweeps.postgresql import PostgreSQL
from tests.sweeps.studies import FormulaStudy, space_for
from tests.sweeps.workers import check_that_a_killed_worker_is_replaced

KINDS: dict[str, type[PostgreSQL] | type[MariaDB]] = {"postgresql": PostgreSQL, "mariadb": MariaDB}


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of either kind, empty at first."""
    needed(request.param, KINDS[request.param].lacking())
    with running(KINDS[request.param]) as one:
        yield one


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    needed("postgresql", PostgreSQL.lacking())
    with running(PostgreSQL) as one:
        yield one


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Callable[..., FormulaStudy]]:
    """Makes studies, whose connections are closed at the end."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with ExitStack() as studies:

        def make(storage: str, name: str, sampler: str = "random", **changed: Any) -> FormulaStudy:
            changed = {"storage": storage, "study": name, "sampler": sampler, "n_trials": 12, **changed}
            one = FormulaStudy(tmp_path, space_for(sampler), connections=QueuePool, **changed)
            studies.callback(one.trials.storage.close)
            return one

        yield make


def test_a_killed_worker_is_replaced(server: Server, tmp_path: Path) -> None:
    check_that_a_killed_worker_is_replaced(tmp_path, server.url)


# Those that read what trials before them left, or keep something in the storage themselves.
@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "grid"])
def test_a_seed_repeats_its_trials(server: Server, sampler: str, study: Callable[..., FormulaStudy]) -> None:
    found = []
    for storage in ("memory", server.url):
        one = study(storage, f"repeats {sampler}", sampler)
        one.run()
        found.append(one.points())
    assert found[0] == found[1]
    assert len(found[0]) == 12


def test_a_server_that_comes_back_is_waited_for(
    server: Server, study: Callable[..., FormulaStudy], capsys: pytest.CaptureFixture[str]
) -> None:
    goes_on, undisturbed = (study(one, "comes back", "tpe", patience=60.0) for one in (server.url, "memory"))
    goes_on.run(stop_after=4)
    server.stop()
    back = threading.Timer(1.5, server.start)
    back.start()
    try:
        goes_on.run()
    finally:
        back.join()
    undisturbed.run()
    assert goes_on.points() == undisturbed.points()
    told = capsys.readouterr().out
    assert told.startswith(f"hydra.sweeper.storage={server.shown}: no answer (")
    assert told.rstrip().endswith("it is asked again for 60 s")
    assert PASSWORD not in told


def test_a_server_that_restarts_under_a_lock_is_asked_again(
    server: Server, study: Callable[..., FormulaStudy], caplog: pytest.LogCaptureFixture
) -> None:
    """It does so in the middle of a transaction."""
    storage = study(server.url, "restarts", patience=60.0).trials.storage
    calls: list[int] = []

    def restart() -> int:
        calls.append(1)
        if len(calls) == 1:
            connection = storage.engines[-1].connect()
            connection.execute(text("SELECT 1"))
            server.stop()
            server.start()
            del connection  # as when an interruption comes
        return len(calls)

    assert storage.locked(restart) == 2
    assert caplog.messages == []  # the pool of connections has nothing to add


SMALL = (*TINY, "method=baseline", "training.epochs=1", "hydra.sweeper.batch=1", "hydra.sweeper.sampler=random")
STORAGE = "hydra.sweeper.storage=${oc.env:STUDY_URL}"
TOTAL = 10


def attempts(folder: Path, study: FormulaStudy) -> list[int]:
    """How often each trial was begun, after checking that study and records agree and that nothing else is there."""
    found = []
    for number, trial in enumerate(study.ended()):
        assert trial.number == number
        assert trial.state == TrialState.COMPLETE
        run = trial.user_attrs["run"]
        record = summary(folder / run["folder"])
        assert record["status"] == "completed"
        assert record["config"]["optimizer"]["lr"] == trial.params["optimizer.lr"]
        assert record["final"]["val_acc_target"] == trial.value
        found.append(run["attempt"])
    names = {f"{k}" if one == 1 else f"{k}_attempt{one}" for k, last in enumerate(found) for one in range(1, last + 1)}
    assert {path.name for path in folder.iterdir() if path.is_dir()} == names
    assert len(list(folder.glob("*/summary.json"))) == len(found)  # nothing was trained to its end twice
    return found


def secrets(folder: Path, *texts: str) -> list[str]:
    """Where the password can be read."""
    files = [str(path) for path in folder.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    return files + [text for text in texts if PASSWORD in text]


def test_three_workers_train_every_trial_although_one_is_killed(
    postgresql: Server, study: Callable[..., FormulaStudy], tmp_path: Path
) -> None:
    """The one that is killed holds a trial; the others take it over and none is trained to its end twice."""
    arguments = ("-m", "sweep=lr", *SMALL, STORAGE, f"hydra.sweeper.n_trials={TOTAL}", "hydra.sweeper.study=workers")
    folder = tmp_path / "outputs" / "studies" / "workers"
    url = {"STUDY_URL": postgresql.url}
    dies = Fork(SEND_AT, arguments, tmp_path, environment(MOMENT="checkpoint.pt replaced 2", SIGNAL="SIGSTOP", **url))
    others = []
    try:
        dies.wait_until_stopped(LIMIT)
        others = [Fork(TRAIN, arguments, tmp_path, environment(**url)) for _ in range(2)]
        while len(list(folder.glob("*/summary.json"))) < TOTAL // 2:
            assert None in [one.poll() for one in others], [ended(one) for one in others]
            time.sleep(0.02)
    finally:
        dies.kill()
    done = [ended(one) for one in others]
    assert ended(dies).returncode == -signal.SIGKILL
    assert [one.returncode for one in done] == [0, 0], done
    assert sorted(attempts(folder, study(postgresql.url, "workers"))) == [1] * (TOTAL - 1) + [2]
    assert secrets(tmp_path, *(one.stdout + one.stderr for one in done)) == []


def test_a_server_that_goes_away_in_mid_sweep_loses_nothing(
    postgresql: Server, study: Callable[..., FormulaStudy], tmp_path: Path
) -> None:
    """It goes while the second trial's checkpoint is written, and comes back after the sweep has ended."""
    total, patience = "hydra.sweeper.n_trials=4", "hydra.sweeper.patience=1"
    arguments = ("-m", "sweep=lr", *SMALL, STORAGE, total, patience, "hydra.sweeper.study=gone")
    folder = tmp_path / "outputs" / "studies" / "gone"
    url = {"STUDY_URL": postgresql.url}
    sweep = Fork(SEND_AT, arguments, tmp_path, environment(MOMENT="checkpoint.pt replaced 2", SIGNAL="SIGSTOP", **url))
    try:
        sweep.wait_until_stopped(LIMIT)
        postgresql.stop()
        sweep.send_signal(signal.SIGCONT)
        done = ended(sweep)
    finally:
        sweep.kill()
        postgresql.start()
    line = the_error_line(done)
    assert line.startswith(f"hydra.sweeper.storage={postgresql.shown}: no answer for 1 s (")
    assert line.endswith("nothing is lost: the same command continues")
    assert f"{postgresql.shown}: no answer (" in done.stdout
    before = {path: path.stat().st_mtime_ns for path in folder.glob("[01]/*")}
    assert summary(folder / "1")["status"] == "completed"

    again = run_cli(*arguments, cwd=tmp_path, **url)
    assert again.returncode == 0, again.stderr
    assert attempts(folder, study(postgresql.url, "gone")) == [1, 1, 1, 1]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert secrets(tmp_path, done.stdout, done.stderr, again.stdout, again.stderr) == []


def test_a_server_that_refuses_is_one_line_without_the_password(server: Server, tmp_path: Path) -> None:
    refused = (
        (server.url.replace(PASSWORD, f"{PASSWORD}x"), "cannot be opened ("),
        (server.url.replace(PASSWORD, f"{PASSWORD}@{PASSWORD}"), "an @ in a password is written %40"),
        (server.url.replace(f":{server.port}", ":port"), "accepted: null for a journal"),
        (server.url.replace(f":{server.port}", ":1"), "cannot be opened ("),
        (f"{server.url}?no_such_option={PASSWORD}", "cannot be opened ("),
        (f"{server.url}nowhere", "cannot be opened ("),
    )
    for url, says in refused:
        with pytest.raises(InputError) as caught:
            open_storage(url, "refused", tmp_path, patience=1.0)
        line = str(caught.value)
        assert line.startswith("hydra.sweeper.storage=")
        assert says in line
        assert PASSWORD not in line
    assert list(tmp_path.iterdir()) == []
