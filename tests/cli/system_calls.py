"""Kill a command line at a chosen system call, with strace."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cli.forks import Fork
from tests.cli.runner import LIMIT, environment

STOP_FIRST = str(Path(__file__).with_name("stop_first.py"))

CALLS = ("rename", "fsync", "write", "unlink", "ftruncate", "mkdir")
"""System calls after which a disk holds something else than before."""


def count_calls(arguments: Sequence[str], cwd: Path, log: Path, **more: str) -> Counter[str]:
    """Return how often a command that nobody disturbs makes each call, in the thread that trains."""
    process = _traced(arguments, cwd, ["-e", f"trace={','.join(CALLS)}", "-o", str(log)], more)
    assert process.returncode == 0, process.communicate(LIMIT)
    return Counter(re.findall(r"^(\w+)\(", log.read_text(), re.MULTILINE))


def kill_at(call: str, number: int, arguments: Sequence[str], cwd: Path, **more: str) -> bool:
    """Return whether a command was killed at the entry of the call of this number; False if it ended before."""
    options = ["-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}", "-o", os.devnull]
    process = _traced(arguments, cwd, options, more)
    assert process.returncode in (0, -signal.SIGKILL), process.communicate(LIMIT)
    return process.returncode != 0


def _traced(arguments: Sequence[str], cwd: Path, options: Sequence[str], more: Mapping[str, str]) -> Fork:
    """Return a command that has ended, traced from its beginning."""
    process = Fork(STOP_FIRST, arguments, cwd, environment(**more))
    try:
        process.wait_until_stopped(LIMIT)
        strace = subprocess.Popen(["strace", "-p", str(process.pid), *options], stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + LIMIT
            while re.search(r"^TracerPid:\t0$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE):
                assert time.monotonic() < end, "strace does not attach"
                time.sleep(0.002)
            process.send_signal(signal.SIGCONT)
            process.wait(LIMIT)
        finally:
            strace.terminate()
            strace.wait(LIMIT)
    finally:
        process.kill()
    return process
