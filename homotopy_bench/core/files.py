"""Files that appear complete or not at all, files that grow line by line, and reading of both from foreign folders."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from homotopy_bench.core.open_files import spare_handle

LARGEST_DOCUMENT = 4 * 2**20
"""Most bytes of a summary."""

LARGEST_CONFIGURATION = 2**18
"""Most bytes of a configuration: reading more YAML would take long."""

LARGEST_LINES = 512 * 2**20
"""Most bytes of a file that grows line by line."""

LARGEST_CHECKPOINT = 64 * 2**30
"""Most bytes of a checkpoint."""

DEEPEST = 50
"""Most brackets within brackets of a configuration."""

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class DamagedFile(ValueError):
    """Report in a few words a file whose content cannot be what its name says.

    Example:
        >>> str(DamagedFile(Path("run/metrics.jsonl"), "is damaged at line 3: not a JSON object"))
        'metrics.jsonl is damaged at line 3: not a JSON object'
    """

    def __init__(self, path: Path, problem: str) -> None:
        """Keep the file, and what is wrong with it as the rest of a sentence."""
        self.path = path
        self.problem = problem
        super().__init__(path, problem)

    def __str__(self) -> str:
        """Return the sentence, with the name of the file alone."""
        return f"{self.path.name} {self.problem}"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers, and a restart after a crash, see the old content or the new, never a part.

    The content goes to a temporary file beside the target, is flushed to the disk, and takes the name in one step.

    Args:
        path: File to write; its folder must exist.
        content: The whole content.
    """
    with spare_handle():
        _write_atomically(path, content)


def _write_atomically(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp makes files that only their owner can read
        Path(temporary).replace(path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # a full disk names no file
        raise


def remove_left_overs(folder: Path) -> None:
    """Remove the temporary files of writes to a folder that a kill has ended; no other process may write there."""
    for left_over in folder.glob(".*.tmp"):
        left_over.unlink()


def read_bytes(path: Path, most: int = LARGEST_DOCUMENT) -> bytes:
    """Return the content of a regular file, whoever made it; no other kind of file is opened.

    Args:
        path: The file.
        most: Number of bytes above which it is not read.

    Raises:
        DamagedFile: If it is a FIFO, a device or the like, at which a reader would wait for ever, or too large.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise DamagedFile(path, f"is {_KINDS.get(stat.S_IFMT(found.st_mode), 'something else')}, not a regular file")
    if found.st_size > most:
        raise DamagedFile(path, f"is larger than {most / 2**20:g} MiB")
    return path.read_bytes()


def read_text(path: Path, most: int = LARGEST_DOCUMENT) -> str:
    """Return the content of a document of UTF-8 text, read as by :func:`read_bytes`.

    Raises:
        DamagedFile: If it is no such document.
    """
    try:
        return read_bytes(path, most).decode()
    except UnicodeDecodeError as error:
        raise DamagedFile(path, f"is not UTF-8 text (byte {error.start})") from error


def read_json(path: Path, most: int = LARGEST_DOCUMENT) -> Any:
    """Return a document of JSON, read as by :func:`read_text`; NaN and Infinity, which JSON lacks, are None.

    Raises:
        DamagedFile: If it is no such document.
    """
    text = read_text(path, most)
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise DamagedFile(path, f"is not whole JSON: {error}") from error


def read_configuration(path: Path) -> str:
    """Return the YAML of a configuration, read as by :func:`read_text`.

    Raises:
        DamagedFile: If it is no such document, or has what no record has: aliases, thirty of which can stand for more
            values than any memory holds, or brackets so deep that reading them takes for ever.
    """
    import yaml

    text = read_text(path, LARGEST_CONFIGURATION)
    starts = yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken
    ends = yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken
    depth = 0
    try:
        for token in yaml.scan(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            depth += isinstance(token, starts) - isinstance(token, ends)
            if depth > DEEPEST:
                raise DamagedFile(path, f"has brackets deeper than {DEEPEST}")
            if isinstance(token, yaml.AliasToken):
                raise DamagedFile(path, "has aliases of YAML")
    except (yaml.YAMLError, RecursionError) as error:
        raise DamagedFile(path, f"cannot be read ({type(error).__name__})") from error
    return text


def read_json_lines(path: Path, size: int | None = None) -> list[dict[str, Any]]:
    """Return the complete lines of a file that grows by one JSON mapping per line, skipping a torn last one.

    Args:
        path: The file; may be missing.
        size: How many bytes of it are read; None for all.

    Returns:
        One mapping per line, in order.

    Raises:
        DamagedFile: If a line that has its end is no JSON mapping, or the file no regular one.
    """
    try:
        texts = read_bytes(path, LARGEST_LINES)[:size].split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    lines = []
    for number, text in enumerate(texts, start=1):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            line = None
        if not isinstance(line, dict):
            raise DamagedFile(path, f"is damaged at line {number}: not a JSON object")
        lines.append(line)
    return lines
