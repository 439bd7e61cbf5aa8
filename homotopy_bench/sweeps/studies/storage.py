"""Open the storage of a study, with one lock for all its workers.

A worker that takes or ends a trial holds the lock, so that n_trials is never exceeded and no trial is taken twice. It
is a lock of the kernel beside a file and an advisory lock in a server: both are released when their holder is killed.
"""

from __future__ import annotations

import logging
import re
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool, Pool, QueuePool

from homotopy_bench.core.errors import InputError
from homotopy_bench.sweeps.studies.journal import Journal

T = TypeVar("T")

KEY = "hydra.sweeper.storage"
ACCEPTED = (
    "accepted: null for a journal in the study's folder, FILE.journal, sqlite:///FILE.db, "
    "postgresql+psycopg://USER@HOST/DATABASE, mysql+pymysql://USER@HOST/DATABASE, memory"
)
EXTRAS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
"""Server -> the extra that installs its driver."""

LOCK_WAIT = 60
"""Seconds for which one attempt waits for the lock of a server; it is held for parts of a second."""

TIMEOUTS: dict[str, dict[str, int]] = {
    "pysqlite": {"timeout": 60},
    "psycopg": {"connect_timeout": 10, "tcp_user_timeout": 60_000, "keepalives_idle": 30},
    "psycopg2": {"connect_timeout": 10, "tcp_user_timeout": 60_000, "keepalives_idle": 30},
    "pymysql": {"connect_timeout": 10, "read_timeout": 2 * LOCK_WAIT, "write_timeout": 2 * LOCK_WAIT},
}
"""Driver -> options by which a host that does not answer does not hold the command for minutes."""

GONE = (StorageInternalError, SQLAlchemyError, OSError)
"""Errors of a storage that does not answer."""


@dataclass
class Storage:
    """Hold an open storage of one study."""

    optuna: BaseStorage
    shown: str  # its name in messages and for optuna-dashboard, without a password
    lock: Callable[[], AbstractContextManager[Any]]  # returns the lock of all workers
    patience: float  # seconds for which a storage that does not answer is asked again
    engines: Sequence[Engine] = ()  # the connections to a server

    def close(self) -> None:
        """Close the connections to a server; the next access opens new ones."""
        for engine in self.engines:
            engine.dispose()

    def locked(self, action: Callable[[], T]) -> T:
        """Return the result of an idempotent action, done patiently while no other worker does one."""

        def alone() -> T:
            with self.lock():
                return action()

        return self.patiently(alone)

    def patiently(self, action: Callable[[], T]) -> T:
        """Return the result of an action, repeated with growing pauses while the storage fails.

        Raises:
            InputError: If it still fails when the patience, which begins with the first failure, is over.
        """
        failed_since: float | None = None
        pause = 0.1
        while True:
            try:
                return action()
            except GONE as error:
                cause, patience, now = _cause(error), f"{self.patience:g} s", time.monotonic()
                if failed_since is None:  # it must not look as if nothing happened
                    failed_since = now
                    print(f"{KEY}={self.shown}: no answer ({cause}); it is asked again for {patience}", flush=True)
                if now - failed_since + pause > self.patience:
                    said = f"no answer for {patience} ({cause}); nothing is lost: the same command continues"
                    raise InputError(KEY, self.shown, said) from error
            time.sleep(pause)
            pause = min(2.0 * pause, 5.0)


def open_storage(
    written: str | None, study: str, folder: Path, patience: float, connections: type[Pool] = QueuePool
) -> Storage:
    """Return the opened storage of a study.

    Args:
        written: ``hydra.sweeper.storage``.
        study: Name of the study.
        folder: Folder of the study; must exist.
        patience: Seconds for which a storage that stops answering is asked again.
        connections: SQLAlchemy's pool of connections to a server: ``QueuePool`` keeps them between two accesses,
            ``NullPool`` closes them.

    Raises:
        InputError: If it is no storage, cannot be reached, or lacks its driver.
    """
    if written == "memory":
        return Storage(InMemoryStorage(), written, nullcontext, patience)
    if written is None or (written.endswith(".journal") and "://" not in written):
        return _journal(folder / "study.journal" if written is None else Path(written), patience)
    shown = without_secrets(written)
    try:
        url = make_url(written)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise InputError(KEY, shown, ACCEPTED) from None
    if "@" in (url.host or ""):  # the rest of a password would be shown as a part of the host's name
        raise InputError(KEY, shown, f"an @ in a password is written %40; {ACCEPTED}")
    return _database(url, shown, study, patience, connections)


def _journal(path: Path, patience: float) -> Storage:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        storage = JournalStorage(Journal(path))
    except OSError as error:
        raise InputError(KEY, path, f"this cannot be written ({error.strerror}); {ACCEPTED}") from error
    except ValueError as error:
        raise InputError(KEY, path, f"this is no journal of Optuna ({error}); {ACCEPTED}") from error
    return Storage(storage, str(path), lambda: FileLock(f"{path}.lock"), patience)


def _database(url: URL, shown: str, study: str, patience: float, connections: type[Pool]) -> Storage:
    server = url.get_backend_name()
    if server == "sqlite" and url.database in (None, "", ":memory:"):
        raise InputError(KEY, shown, ACCEPTED)
    if server == "sqlite" and not Path(str(url.database)).parent.is_dir():
        raise InputError(KEY, shown, f"no such folder; {ACCEPTED}")
    full = url.render_as_string(hide_password=False)
    # A connection that was lost is raised; the pool would also write the traceback of its own attempt to clean up.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    try:
        arguments = TIMEOUTS.get(url.get_driver_name(), {"connect_timeout": 10})
        engine = create_engine(full, connect_args=arguments, poolclass=NullPool)

        def lock() -> AbstractContextManager[Any]:
            return FileLock(f"{url.database}.lock") if server == "sqlite" else _advisory_lock(engine, study)

        with lock():  # two workers that make the tables at once get into each other's way
            inspect(engine).get_table_names()  # where this fails, RDBStorage would leave its connection open
            kept = {"pool_pre_ping": True, "connect_args": arguments, "poolclass": connections}
            storage = RDBStorage(full, engine_kwargs=kept)
    except NoSuchModuleError:
        raise InputError(KEY, shown, ACCEPTED) from None
    except ImportError as error:
        extra = EXTRAS.get(server)
        hint = f"pip install 'homotopy-bench[{extra}]'" if extra else ACCEPTED
        raise InputError(KEY, shown, f"its driver is not installed; {hint}") from error
    except (*GONE, TypeError, ValueError) as error:  # the last two for an option that the driver does not know
        raise InputError(KEY, shown, f"cannot be opened ({_cause(error)}); {ACCEPTED}") from error
    except RuntimeError as error:  # tables of another version of Optuna, or of something else
        raise InputError(KEY, shown, f"{error}") from error
    return Storage(storage, shown, lock, patience, (engine, storage.engine))


def without_secrets(written: str) -> str:
    """Return a URL as it may be printed: a password is hidden, and options are left out, which may hold one too.

    Example:
        >>> without_secrets("postgresql://me:secret@host/studies?password=secret")
        'postgresql://me:***@host/studies'
        >>> without_secrets("postgresql://me:se@c:ret@host:port/studies")  # also where it is no proper URL
        'postgresql://me:***@host:port/studies'
    """
    return re.sub("(://[^:/]*):.*@", r"\1:***@", written).partition("?")[0]


@contextmanager
def _advisory_lock(engine: Engine, name: str) -> Iterator[None]:
    """Hold a server's advisory lock, which ends with the connection (PostgreSQL's manual, 13.3.5; MySQL's GET_LOCK).

    Raises:
        TimeoutError: If another worker keeps it.
    """
    key = zlib.crc32(name.encode())
    postgresql = engine.dialect.name == "postgresql"
    if postgresql:
        take, leave = "SELECT pg_advisory_lock(:key)", "SELECT pg_advisory_unlock(:key)"
    else:
        take, leave = f"SELECT GET_LOCK(:key, {LOCK_WAIT})", "SELECT RELEASE_LOCK(:key)"
    parameters = {"key": key if postgresql else f"homotopy-bench {key}"}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if postgresql:
            connection.execute(text(f"SET lock_timeout = '{LOCK_WAIT}s'"))
        if connection.execute(text(take), parameters).scalar() in (0, None):  # PostgreSQL says nothing, or raises
            raise TimeoutError(f"another worker has held its lock for {LOCK_WAIT} s")
        try:
            yield
        finally:
            connection.execute(text(leave), parameters)


def _cause(error: BaseException) -> str:
    """Return the first line of the error that Optuna and SQLAlchemy have wrapped."""
    inner = getattr(error.__cause__ or error, "orig", None) or error.__cause__ or error
    return str(inner).strip().partition("\n")[0] or type(inner).__name__
