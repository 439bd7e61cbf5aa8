"""Files as a source publishes them: where they lie, how large they are, what their checksum is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from homotopy_bench.core.errors import InputError


@dataclass(frozen=True)
class PublishedFile:
    """Describe one published file.

    Attributes:
        path: Where it lies under the data folder, with forward slashes.
        size: Its size in bytes.
        md5: MD5 of its content, hexadecimal, as its publisher states it.
    """

    path: str
    size: int
    md5: str

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]

    def at(self, root: Path) -> Path:
        """Return where the file lies under the data folder ``root``."""
        return root / self.path


@dataclass(frozen=True)
class FileCheck:
    """State what is known about one file of a data set.

    Attributes:
        path: Where it lies under the data folder.
        size: Its size in bytes; None where it is missing.
        official: Whether its checksum is the published one; None where it is missing or none is published.
        problem: Why it cannot be used; None where it can.
    """

    path: str
    size: int | None
    official: bool | None
    problem: str | None


def md5_of(path: Path) -> str:
    """Return the MD5 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        # Some hardened builds refuse MD5 unless it is said that nothing is kept secret with it.
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def missing(root: Path, files: Sequence[PublishedFile]) -> list[PublishedFile]:
    """Return those of ``files`` that do not lie under ``root``."""
    return [file for file in files if not file.at(root).exists()]


def check_file(root: Path, path: str, md5: str | None, read: Callable[[Path], object]) -> FileCheck:
    """Look at one file of a data set.

    Args:
        root: The data folder.
        path: Where the file lies under it.
        md5: The published MD5, None where there is none.
        read: Reads the file, and raises an InputError where it cannot be used.

    Returns:
        What is known about it.
    """
    place = root / path
    if not place.exists():
        return FileCheck(path, None, None, "missing")
    try:
        read(place)
        return FileCheck(path, place.stat().st_size, md5_of(place) == md5 if md5 else None, None)
    except InputError as error:
        return FileCheck(path, place.stat().st_size, False if md5 else None, error.accepted)
    except OSError as error:
        return FileCheck(path, place.stat().st_size, None, f"cannot be read: {error.strerror}")


def provenance(root: Path, files: Sequence[PublishedFile]) -> list[dict[str, str | bool]]:
    """Return what a record says of the files that data were read from.

    Args:
        root: The data folder.
        files: The published files, none of them missing.

    Returns:
        For each its path, the MD5 of what lies there, and whether that is the published one: a re-encoded copy can be
        read as well, and figures measured on it belong to another data set.
    """
    digests = [md5_of(file.at(root)) for file in files]
    return [
        {"file": file.path, "md5": digest, "published": digest == file.md5}
        for file, digest in zip(files, digests, strict=True)
    ]


def refuse(path: Path, problem: str, dataset: str) -> NoReturn:
    """Refuse a file that is there and cannot be used.

    Args:
        path: The file.
        problem: What is wrong with it.
        dataset: Name of the data set it belongs to.

    Raises:
        InputError: Always; it says what to do.
    """
    remedy = f"delete it and get it anew: homotopy-data fetch {dataset}"
    raise InputError("paths.data", path, f"this file {problem}; {remedy}")


def give_up(root: Path, dataset: str, files: Sequence[PublishedFile], why: str, source: str) -> NoReturn:
    """End for want of files that are missing and could not be brought.

    Args:
        root: The data folder.
        dataset: Name of the data set.
        files: What is missing.
        why: Why it could not be brought.
        source: What the user can copy to the data folder instead.

    Raises:
        InputError: Always; it says what to do.
    """
    others = f" and {len(files) - 1} more of {dataset} are" if len(files) > 1 else " is"
    remedy = (
        f"with a network, 'homotopy-data fetch {dataset}' downloads; without one, copy {source} there, or let "
        "paths.data or HOMOTOPY_BENCH_DATA name a folder that has the files"
    )
    raise InputError("paths.data", root, f"{files[0].path}{others} missing there and {why}; {remedy}")
