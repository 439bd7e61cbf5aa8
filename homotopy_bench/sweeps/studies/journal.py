"""A journal file that survives the kill of a writer at any moment.

Optuna's own backend has two weak points there: a line that was cut short swallows the next one, after which the file
cannot be read any more, and a lock whose holder is gone stops all others for 30 seconds. Here a writer first cuts off
what is torn, and the lock is one that the kernel releases together with its holder.

Only the end of a trial waits for the disk. What a power cut can take beyond that is the choice of a trial that had not
ended, and the same command chooses it again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

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
            _cut_torn_line(file.fileno())
            file.seek(0, os.SEEK_END)
            file.write(content)
            file.flush()
            if any(log["op_code"] == JournalOperation.SET_TRIAL_STATE_VALUES for log in logs):
                os.fsync(file.fileno())


def _cut_torn_line(file: int) -> None:
    """Shorten a file to its last whole line."""
    size = os.fstat(file).st_size
    if size == 0 or os.pread(file, 1, size - 1) == b"\n":
        return
    whole = size
    while whole > 0:
        begin = max(whole - 65536, 0)
        newline = os.pread(file, whole - begin, begin).rfind(b"\n")
        whole = begin + newline + 1 if newline >= 0 else begin
        if newline >= 0:
            break
    os.ftruncate(file, whole)
