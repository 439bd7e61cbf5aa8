"""Files that appear complete or not at all, and files that grow line by line."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers, and a restart after a crash, see the old content or the new, never a part.

    The content goes to a temporary file beside the target, is flushed to the disk, and takes the name in one step.

    Args:
        path: File to write; its folder must exist.
        content: The whole content.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp makes files that only their owner can read
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove_left_overs(folder: Path) -> None:
    """Remove the temporary files of writes to a folder that a kill has ended; no other process may write there."""
    for left_over in folder.glob(".*.tmp"):
        left_over.unlink()


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the complete lines of a file that grows by one JSON mapping per line, skipping a torn last one.

    Args:
        path: The file; may be missing.

    Returns:
        One mapping per line, in order.
    """
    if not path.exists():
        return []
    lines = []
    for text in path.read_bytes().split(b"\n")[:-1]:
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines
