"""Start the ranks beside this process, or meet those that a launcher has started; notice when one dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import torch.distributed as dist
from torch.distributed import TCPStore  # type: ignore[attr-defined]  # torch names it elsewhere too
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, start_processes

from homotopy_bench.core.errors import RankLost
from homotopy_bench.core.masking import one_line
from homotopy_bench.distributed.process_group import END, Backend, as_backend, join, joined, leave, meet, send
from homotopy_bench.hardware.launched import Launched

PROGRAM = "homotopy_bench.training.rank"
"""Module that a started rank runs."""

NOTICE = 5.0
"""Seconds after a collective has failed within which the process that made it fail is found."""

LONGEST = 400
"""Characters of a dead rank's last line that are shown."""


class Ranks(ABC):
    """Hold the process group of rank 0, which this process is.

    Attributes:
        world_size: Number of ranks.
        replaceable: Whether other ranks can take the place of these once they are dropped.
    """

    world_size: int
    replaceable: ClassVar[bool]

    @abstractmethod
    def check(self) -> None:
        """Check that all ranks live.

        Raises:
            RankLost: If one has ended.
        """

    @abstractmethod
    def explain(self, error: Exception) -> Exception:
        """Return what an error in talking to the ranks comes from, where that is known; else the error itself."""

    @abstractmethod
    def end(self) -> None:
        """Let the other ranks, which wait to be asked, end."""

    @abstractmethod
    def drop(self) -> None:
        """Leave the group whatever the other ranks do; they end."""


class JoinedRanks(Ranks):
    """Be rank 0 of a group that a launcher has started; the launcher ends all when one dies.

    Args:
        place: What the launcher says.
        backend: What adds up tensors.
    """

    replaceable = False

    def __init__(self, place: Launched, backend: Backend) -> None:
        self.world_size = place.world_size
        if not joined():  # the group lasts as long as the process
            store = _store_of(place)
            store.set(_BACKEND, backend)
            join(store, place.rank, place.world_size, backend)

    def check(self) -> None:
        """Leave it to the launcher."""

    def explain(self, error: Exception) -> Exception:
        """Return that a rank has gone, if that is what the error says."""
        return RankLost(f"another rank has ended ({one_line(error, 200)})") if _of_group(error) else error

    def end(self) -> None:
        """Stay in the group: the ranks serve for as long as the program lasts."""

    def drop(self) -> None:
        """Leave the group; ranks that still work notice it and fail, and the launcher ends all."""
        leave()


class StartedRanks(Ranks):
    """Start the other ranks on this machine, by torch's elastic launcher, and end them.

    Their output goes to files, and is shown only of one that fails.

    Args:
        world_size: Number of ranks, with this one.
        backend: What adds up tensors.
    """

    replaceable = True

    def __init__(self, world_size: int, backend: Backend) -> None:
        self.world_size = world_size
        self._logs = tempfile.TemporaryDirectory(prefix="homotopy-ranks-")
        store = meet("127.0.0.1", 0, world_size, holds=True)
        others = range(1, world_size)
        with _signals_kept():
            self._processes: Any = start_processes(
                name="rank",
                entrypoint=sys.executable,
                args={
                    r - 1: ("-m", PROGRAM, str(store.port), str(r), str(world_size), backend, str(self._log(r)))
                    for r in others
                },
                envs={r - 1: {"LOCAL_RANK": str(r)} for r in others},
                logs_specs=DefaultLogsSpecs(self._logs.name),
            )
        try:
            self._wait_for(store)
            join(store, 0, world_size, backend)
        except BaseException:
            self.drop()
            raise

    def check(self) -> None:
        """Check that all ranks live.

        Raises:
            RankLost: If one has ended.
        """
        for rank, process in enumerate(self._others(), start=1):
            if (code := process.poll()) is not None:
                how = f"ended with code {code}{self._said(rank)}" if code >= 0 else f"was ended by {_signal(-code)}"
                raise RankLost(f"rank {rank} of {self.world_size} (process {process.pid}) {how}")

    def explain(self, error: Exception) -> Exception:
        """Return which rank's end an error of the group comes from; other errors are returned as they are."""
        if not _of_group(error):
            return error
        until = time.monotonic() + NOTICE
        while time.monotonic() < until:
            try:
                self.check()
            except RankLost as lost:
                return lost
            time.sleep(0.1)
        return RankLost(f"the ranks have lost each other ({one_line(error, 200)})")

    def end(self) -> None:
        """Let the other ranks, which wait to be asked, end."""
        with suppress(RuntimeError):  # one that has died is said where it is missed
            send(END, None)
        self.drop()

    def drop(self) -> None:
        """Leave the group and end the other ranks; those that still work after a while are killed."""
        leave()
        others, until = self._others(), time.monotonic() + NOTICE
        # They end by themselves once they are told to, or left alone.
        while any(other.poll() is None for other in others) and time.monotonic() < until:
            time.sleep(0.02)
        for other in others:
            other.kill()
            other.wait()
        self._processes.close()
        self._logs.cleanup()

    def _others(self) -> list[subprocess.Popen[bytes]]:
        """Return the processes of the ranks from 1."""
        handlers = self._processes.subprocess_handlers  # of the one kind of context that runs commands
        return [handlers[local].proc for local in sorted(handlers)]

    def _wait_for(self, store: TCPStore) -> None:
        """Wait until every rank has come, or one has died on its way."""
        missing = _arrivals(self.world_size)
        while not store.check(missing):
            self.check()
            time.sleep(0.02)

    def _log(self, rank: int) -> Path:
        return Path(self._logs.name) / f"{rank}.log"

    def _said(self, rank: int) -> str:
        """Return the last line that a rank has written."""
        try:
            lines = self._log(rank).read_text(errors="replace").split("\n")
        except OSError:
            return ""
        said = [line.strip() for line in lines if line.strip()]
        return f": {one_line(said[-1], LONGEST)}" if said else ""


def arrive(store: TCPStore, rank: int) -> None:
    """Say that a rank other than 0 has come."""
    store.set(_arrival(rank), "here")


def backend_of_launcher(place: Launched) -> tuple[TCPStore, Backend | None]:
    """Return where the ranks of a launcher meet, and the backend that rank 0 wants; None where it trains alone."""
    store = _store_of(place)
    wanted = store.get(_BACKEND).decode()
    arrive(store, place.rank)
    return store, None if wanted == _NONE else as_backend(wanted)


def release_launched(place: Launched) -> None:
    """Let the other ranks of a launcher go, as its rank 0, which has trained alone."""
    store = _store_of(place)
    store.set(_BACKEND, _NONE)
    store.wait(_arrivals(place.world_size))


_BACKEND, _NONE = "homotopy backend", "none"


def _arrival(rank: int) -> str:
    """Return the key of the store that says that a rank has come."""
    return f"homotopy rank {rank}"


def _arrivals(world_size: int) -> list[str]:
    """Return the keys of all ranks but 0."""
    return [_arrival(rank) for rank in range(1, world_size)]


def _store_of(place: Launched) -> TCPStore:
    """Return the store of a launcher, which rank 0 holds unless the launcher does."""
    held = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    return meet(*place.address, place.world_size, holds=place.rank == 0 and not held)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep the handlers of this process, which torch's launcher would replace by its own."""
    handled = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT]
    before = [signal.getsignal(number) for number in handled]
    try:
        yield
    finally:
        with suppress(ValueError):  # outside the main thread nothing has been replaced
            for number, handler in zip(handled, before, strict=True):
                signal.signal(number, handler)


def _of_group(error: Exception) -> bool:
    """Return whether an error comes from the group; gloo's is a plain RuntimeError that names a file of gloo."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _signal(number: int) -> str:
    """Return the name of a signal; most real-time signals have none.

    Example:
        >>> _signal(9), _signal(40)
        ('SIGKILL', 'signal 40')
    """
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
