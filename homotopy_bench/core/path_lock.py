"""Lock a path against the other processes of this user on this machine."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from filelock import FileLock


def path_lock(path: Path) -> FileLock:
    """Return the lock of a path, a context to be held while what lies there is read and written anew.

    It lies in the temporary folder, so that nothing is left beside the path.

    Example:
        >>> with path_lock(Path("results.csv")) as held:
        ...     held.is_locked
        True
    """
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    return FileLock(Path(tempfile.gettempdir()) / f"homotopy-bench-{os.getuid()}-{name}.lock")
