"""Processes that are forked from one that has loaded torch, where a new one would need seconds to load it."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path

from tests.cli.forked import run

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([run.__module__])
forkserver.ensure_running()  # from the folder in which tests are found


class Fork:
    """A process of its own that runs a file of Python; the methods are those of :class:`subprocess.Popen`.

    Args:
        script: The file.
        arguments: What follows its name in ``sys.argv``.
        cwd: The folder it runs in.
        environment: All its environment variables.
    """

    def __init__(self, script: str, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> None:
        self.args = (script, *arguments)
        self._folder = Path(tempfile.mkdtemp(prefix="fork-"))
        self._out, self._err = self._folder / "out", self._folder / "err"
        texts = [str(self._out), str(self._err)]
        self._process = _SERVER.Process(target=run, args=(self.args, str(cwd), dict(environment), texts))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative where a signal ended the process, None where it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code, None where the process runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the process at once."""
        self.send_signal(signal.SIGKILL)

    def wait_until_stopped(self, timeout: float) -> None:
        """Wait until the process has sent itself a SIGSTOP."""
        end = time.monotonic() + timeout
        while Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            assert self.poll() is None, self.output()
            assert time.monotonic() < end, "it does not stop"
            time.sleep(0.02)

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end."""
        self._process.join(timeout)

    def output(self) -> str:
        """Return what the process has written to its standard output so far."""
        return self._out.read_text() if self._out.exists() else ""

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for the end, and return standard output and standard error; only once.

        Raises:
            subprocess.TimeoutExpired: If the process runs longer; it is killed.
        """
        self._process.join(timeout)
        if self.poll() is None:
            self.kill()
            raise subprocess.TimeoutExpired(self.args, timeout)
        texts = self._out.read_text(), self._err.read_text()
        shutil.rmtree(self._folder)
        return texts
