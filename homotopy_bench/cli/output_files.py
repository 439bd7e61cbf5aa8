"""Check and write the files that an option of a command names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.pictures import SUFFIXES


def check_output(option: str, path: Path | None) -> None:
    """Check before the work that a file can be written after it.

    Args:
        option: The option, for messages.
        path: The file; None for none.

    Raises:
        InputError: If something else has this name, it is no name of a file, or the folder does not exist.
    """
    if path is None:
        return
    try:
        target = path.resolve()
        target.stat()  # since Python 3.13 a loop of links has a resolved name
    except FileNotFoundError:
        pass
    except (OSError, ValueError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(option, path, f"{why}; accepted: the name of a file in a folder that exists") from error
    # Replacing a device such as /dev/stdout by a file would break it for every other program.
    if target.exists() and not target.is_file():
        raise InputError(option, path, "accepted: the name of a file to write; this is something else")
    if not target.parent.is_dir():
        raise InputError(option, path, "accepted: a file in a folder that exists")


def check_distinct(files: Mapping[str, Path | None]) -> None:
    """Check that no file is written twice by one command.

    Args:
        files: Option -> the file that it names, None for none.

    Raises:
        InputError: If two options name one file.
    """
    taken: dict[Path, str] = {}
    for option, path in files.items():
        if path is not None and (first := taken.setdefault(path.resolve(), option)) != option:
            raise InputError(option, path, f"{first} writes this file too; accepted: another name")


def check_picture(option: str, path: Path | None) -> None:
    """Check before the work that a picture can be written to a file after it, in the format of its ending.

    Args:
        option: The option, for messages.
        path: The file; None for none.

    Raises:
        InputError: If there is no such format, or as :func:`check_output`.
    """
    check_output(option, path)
    if path is not None and path.suffix.lower() not in SUFFIXES:
        raise InputError(option, path, f"accepted: a name that ends with {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")


def write_output(option: str, path: Path | None, content: bytes) -> None:
    """Write a file, complete or not at all.

    Args:
        option: The option, for messages.
        path: The file; None for none.
        content: The whole content.

    Raises:
        InputError: If it cannot be written.
    """
    if path is None:
        return
    check_output(option, path)
    try:
        write_atomically(path.resolve(), content)
    except OSError as error:
        raise InputError(option, path, f"cannot be written: {error.strerror}") from error
