"""Let one process at a time write a folder.

The lock is the kernel's (``flock``; over NFS where the server keeps locks), on an empty file ``.lock`` in the folder.
It is free again when its process ends, however that ends. Readers do not ask for it.
"""

from __future__ import annotations

import errno
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.folders import FOLDER, obstacle

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK = ".lock"
"""File in the folder."""

OWNED = "another process is writing this folder; wait for its end, or end it"
"""What the second process is told."""


class FolderLock:
    """Holds the lock of a folder until it is released.

    Within a process a folder may be locked several times; the last release frees it. A file system without locks locks
    nothing.

    Args:
        folder: The folder; made if it is missing.
        key: What the user named it by.

    Raises:
        InputError: If another process holds the lock, or the folder cannot be written.

    Example:
        >>> from tempfile import mkdtemp
        >>> with FolderLock(Path(mkdtemp()), "resume"):
        ...     pass
    """

    def __init__(self, folder: Path, key: str) -> None:
        from filelock import FileLock, Timeout

        self._lock: BaseFileLock | None = None
        if wrong := obstacle(folder):
            raise InputError(key, folder, f"{wrong}; {FOLDER}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # filelock < 4 finds the one lock of a path by the path as written, from whatever working directory.
            lock = FileLock((folder / LOCK).absolute(), timeout=0, thread_local=False, is_singleton=True)
            lock.acquire()
            self._lock = lock
        except Timeout:
            raise InputError(key, folder, OWNED) from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):
                raise InputError(key, folder, f"cannot be written ({error.strerror}); {FOLDER}") from error

    def release(self) -> None:
        """Release it, once."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> FolderLock:
        """Return the lock."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Release it."""
        self.release()
