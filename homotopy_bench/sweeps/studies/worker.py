"""Identify the workers of a study, and find out which of them are gone.

A worker extends its lease in the storage from time to time. A trial whose worker has let it expire is taken by another
one. On one machine the process itself is checked, so that nobody waits for the lease of a killed worker.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from optuna.study import Study

from homotopy_bench.sweeps.studies.storage import GONE


class Worker:
    """This process, as the others see it: ``name`` is ``MACHINE:PID:RANDOM``.

    Args:
        study: The study it works for.
        lease: Seconds for which one sign of life counts.
    """

    def __init__(self, study: Study, lease: float) -> None:
        self.name = f"{machine()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._study = study
        self._lease = lease

    def beat(self) -> None:
        """Extend the lease."""
        self._study.set_user_attr(f"worker {self.name}", time.time() + self._lease)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Extend the lease again and again while trials run."""
        ended = threading.Event()

        def beat() -> None:
            while True:
                with suppress(*GONE):  # a storage that is gone is noticed when the trials end
                    self.beat()
                if ended.wait(self._lease / 4):
                    return

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def outlived(self, other: str) -> bool:
        """Return whether the worker of a name is gone."""
        if other == self.name:
            return False
        host, pid, _ = other.rsplit(":", 2)
        if host == machine() and not _is_process(int(pid)):
            return True
        until: float = self._study.user_attrs.get(f"worker {other}", 0.0)
        return until < time.time()


def machine() -> str:
    """Return a name that two processes share only where they see each other's process numbers."""
    parts = [socket.gethostname()]
    with suppress(OSError):  # elsewhere than on Linux the lease decides alone
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return "|".join(parts) if len(parts) == 3 else f"{parts[0]}|{uuid.getnode():x}"


def _is_process(pid: int) -> bool:
    if os.name != "posix":
        return True
    with suppress(OSError):  # on Linux, where one that has ended may wait for its parent as a zombie
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    with suppress(PermissionError):  # it belongs to another user
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True
