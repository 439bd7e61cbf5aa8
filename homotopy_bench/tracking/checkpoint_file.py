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
from typing import Any

MARK = b"sha256:"
"""Beginning of the comment."""

_NO_COMMENT = b"\0\0"
_COMMENT = len(MARK) + 2 * hashlib.sha256().digest_size
_LENGTH = _COMMENT.to_bytes(2, "little")


class Damaged(ValueError):
    """Say that the content of a checkpoint is not what was written."""


def encoded(state: Mapping[str, Any]) -> bytes:
    """Return the content of a file for a state of tensors, numbers, texts and containers.

    Example:
        >>> decoded(encoded({"step": 3}))
        {'step': 3}
    """
    import torch

    file = io.BytesIO()
    torch.save(dict(state), file)
    comment = MARK + hashlib.sha256(file.getbuffer()).hexdigest().encode()
    file.seek(-len(_NO_COMMENT), io.SEEK_END)
    file.write(_LENGTH + comment)
    return file.getvalue()


def decoded(content: bytes) -> Any:
    """Return what was saved in a file with this content; nothing in it is executed.

    Raises:
        Damaged: If it is not what was written.
    """
    import torch

    if content.endswith(_NO_COMMENT):  # written before there were digests; one flipped bit cannot lead here
        _check_parts(content)
    else:
        _check_digest(content)
    try:
        with warnings.catch_warnings(action="ignore"):  # the error says it all
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever unpickling a strange file leads to
        raise Damaged(type(error).__name__) from error


def _check_digest(content: bytes) -> None:
    """Compare the digest of an archive with the one in its comment.

    Raises:
        Damaged: If they differ.
    """
    whole = memoryview(content)
    body, comment = whole[: -len(_LENGTH) - _COMMENT], whole[-len(_LENGTH) - _COMMENT :]
    digest = hashlib.sha256(body)
    digest.update(_NO_COMMENT)
    if comment != _LENGTH + MARK + digest.hexdigest().encode():
        raise Damaged("SHA-256 differs")


def _check_parts(archive: bytes) -> None:
    """Compare the CRC-32 of every file in a zip archive.

    Raises:
        Damaged: At the first that differs, or if this is no archive.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            damaged = opened.testzip()
    except Exception as error:  # zipfile raises whatever reading a damaged directory leads to
        raise Damaged(type(error).__name__) from error
    if damaged is not None:
        raise Damaged(f"CRC-32 of {damaged}")
