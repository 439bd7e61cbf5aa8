"""Keep a journal file that can be read and continued after a writer is killed at any moment.

Optuna's own backend cannot: a line that was cut short swallows the next one, and a lock whose holder is gone stops all
others for 30 seconds. Here a writer first cuts off a torn line, and the kernel releases the lock with its holder.

Only the end of a trial waits for the disk. A power cut can also take the choice of a trial that had not ended, which
the same command chooses again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._storage import JournalOperation


class Journal(JournalFileBackend):
    """Optuna's log of operations, one JSON line each.

    Args:
        path: The file; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._appending = FileLock(f"{path}.append.lock")

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append lines, after cutting off a torn last one, whose writer was never told that it was written."""
        content = b"".join(json.dumps(log, separators=(",", ":")).encode() + b"\n" for log in logs)
        with self._appending, self._path.open("r+b") as file:
            _cut_torn_line(file)
            file.seek(0, os.SEEK_END)
            file.write(content)
            file.flush()
            if any(log["op_code"] == JournalOperation.SET_TRIAL_STATE_VALUES for log in logs):
                os.fsync(file.fileno())


def _cut_torn_line(file: BinaryIO) -> None:
    """Shorten a file to its last whole line."""
    end = whole = file.seek(0, os.SEEK_END)
    while whole > 0:
        begin = max(whole - 65536, 0)
        file.seek(begin)
        newline = file.read(whole - begin).rfind(b"\n")
        whole = begin + newline + 1
        if newline >= 0:
            break
    if whole < end:
        file.truncate(whole)
