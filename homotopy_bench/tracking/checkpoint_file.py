"""Write and read ``checkpoint.pt``: a file of ``torch.save`` that carries its own SHA-256.

``torch.save`` writes a zip archive, and ``torch.load`` does not look at the checksums in it. The digest of the whole
archive is therefore kept as the archive's comment, where every other reader of zip files passes over it:

    archive without its last two bytes | length of the comment | "sha256:" + 64 hexadecimal digits

The last two bytes of an archive without a comment are the length of its comment, 0.
"""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homotopy_bench.core.files import LARGEST_CHECKPOINT, DamagedFile, read_bytes

MARK = b"sha256:"
"""Beginning of the comment."""

_NO_COMMENT = b"\0\0"
_COMMENT = len(MARK) + 2 * hashlib.sha256().digest_size
_LENGTH = _COMMENT.to_bytes(2, "little")


def encoded(state: Mapping[str, Any]) -> bytes:
    """Return the content of a file for a state of tensors, numbers, texts and containers."""
    import torch

    file = io.BytesIO()
    torch.save(dict(state), file)
    comment = MARK + hashlib.sha256(file.getbuffer()).hexdigest().encode()
    file.seek(-len(_NO_COMMENT), io.SEEK_END)
    file.write(_LENGTH + comment)
    return file.getvalue()


def read_checkpoint(path: Path) -> Any:
    """Return what was saved in a file; nothing in it is executed.

    Raises:
        DamagedFile: If it is not what was written.
        OSError: If it cannot be read.
    """
    import torch

    content = read_bytes(path, LARGEST_CHECKPOINT)
    try:
        problem = _problem(content)
        if problem is None:
            with warnings.catch_warnings(action="ignore"):  # the error says it all
                return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # zipfile and torch.load raise whatever unpacking a strange file leads to
        raise DamagedFile(path, f"is damaged ({type(error).__name__})") from error
    raise DamagedFile(path, f"is damaged ({problem})")


def _problem(content: bytes) -> str | None:
    """Return what shows that an archive is not what was written, before anything is unpacked; None where nothing does.

    Raises:
        Exception: If it is no archive.
    """
    # Without a comment it was written before there were digests; one flipped bit cannot lead here.
    signed = not content.endswith(_NO_COMMENT)
    if signed and not _has_its_digest(content):
        return "SHA-256 differs"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
        if unpacked > len(content):  # torch.save compresses nothing
            return f"its parts unpack to {unpacked / 1e9:.3g} GB"
        damaged = None if signed else archive.testzip()
    return None if damaged is None else f"CRC-32 of {damaged}"


def _has_its_digest(content: bytes) -> bool:
    """Return whether the comment of an archive holds its digest."""
    whole = memoryview(content)
    body, comment = whole[: -len(_LENGTH) - _COMMENT], whole[-len(_LENGTH) - _COMMENT :]
    digest = hashlib.sha256(body)
    digest.update(_NO_COMMENT)
    return comment == _LENGTH + MARK + digest.hexdigest().encode()
