"""Transfer one file over HTTP, and continue where an earlier attempt broke off."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from requests import Response

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
"""How long a server may take to accept a connection, and to send the next bytes."""

ATTEMPTS = 50
"""Largest number of connections for one file; each but the last must have brought something new."""

PAUSE_SECONDS = 0.5
LARGEST_SIZE_DIGITS = 20
"""Largest number of digits of a size that is worth printing: that of 2^64."""

BLOCK = 1 << 14
"""Bytes received at a time; a connection that breaks off loses the block that was under way."""


class TransferError(Exception):
    """Say in a few words why a file could not be transferred."""


def transfer(url: str, part: Path, size: int, progress: Callable[[int], None]) -> None:
    """Bring a file to its full size, beginning with the bytes that are there.

    A connection that breaks off is made anew for as long as each one brings new bytes. The content is not checked.

    Args:
        url: Where the file is published.
        part: File that receives the content; what it holds already is taken for the first bytes of it.
        size: Size of the whole file in bytes; not one more is written.
        progress: Told the number of bytes at hand.

    Raises:
        TransferError: If the server is not there, refuses, offers something of another size, or stops sending.
    """
    for _ in range(ATTEMPTS):
        before = _size(part)
        if before == size:
            return
        if before > size:
            part.unlink()
            before = 0
        broken = _connect(url, part, size, progress)
        if _size(part) == size:
            return
        if _size(part) <= before:
            raise TransferError(broken or f"ended after {_size(part)} of {size} bytes")
        time.sleep(PAUSE_SECONDS)
    raise TransferError(f"broke off {ATTEMPTS} times")


def _connect(url: str, part: Path, size: int, progress: Callable[[int], None]) -> str | None:
    """Return why a connection broke off, None if it ended properly, after receiving what it brings."""
    import requests
    from urllib3.exceptions import HTTPError

    begin = _size(part)
    # The published file is compressed itself and must arrive as it is.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begin}-"} if begin else {})
    timeouts = (CONNECT_SECONDS, READ_SECONDS)
    try:
        with requests.get(url, headers=headers, stream=True, timeout=timeouts) as response:
            response.raise_for_status()
            _check_offer(response, begin, size)
            _receive(response, part, size, progress)
    # Where a server redirects to what is no address, or sends headers that are none, their own errors come through.
    except (requests.RequestException, HTTPError, ValueError) as error:
        return _reason(error)
    return None


def _check_offer(response: Response, begin: int, size: int) -> None:
    """Refuse an answer that is another file or another part of it.

    Raises:
        TransferError: If it is.
    """
    total = response.headers.get("Content-Length", "")
    if response.status_code == 206:
        # Content-Range: bytes 100-199/200
        unit, _, range_ = response.headers.get("Content-Range", "").partition(" ")
        first, _, rest = range_.partition("-")
        if unit != "bytes" or first != str(begin):
            raise TransferError("sends another part of the file than the one asked for")
        total = rest.partition("/")[2]
    # As texts: a number of thousands of digits cannot be read.
    if total.isdecimal() and (total.lstrip("0") or "0") != str(size):
        offered = total if len(total) <= LARGEST_SIZE_DIGITS else f"a number of {len(total)} digits of"
        raise TransferError(f"offers {offered} bytes where the published file has {size}")


def _receive(response: Response, part: Path, size: int, progress: Callable[[int], None]) -> None:
    """Append the body of an answer to the part, or begin the part anew if the answer is the whole file.

    Raises:
        TransferError: If the body is longer than the file.
    """
    # A server that labels a compressed file as a compressed answer would have it unpacked on the way.
    response.raw.headers.pop("Content-Encoding", None)
    with part.open("ab" if response.status_code == 206 else "wb") as file:
        for block in response.iter_content(BLOCK):
            if file.tell() + len(block) > size:
                raise TransferError(f"sends more than the {size} bytes of the published file")
            file.write(block)
            progress(file.tell())
        file.flush()
        os.fsync(file.fileno())


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _reason(error: Exception) -> str:
    """Return a library's page-long complaint in a few words."""
    import requests
    from urllib3.exceptions import TimeoutError as Stalled

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code}"
    # A body that stalls is a lost connection to requests, which keeps the reason inside.
    if any(isinstance(inner, Stalled) for inner in error.args):
        return "no answer in time"
    words: dict[type[Exception], str] = {
        requests.exceptions.SSLError: "no secure connection",
        requests.exceptions.ProxyError: "no connection through the proxy",
        requests.Timeout: "no answer in time",
        requests.exceptions.ChunkedEncodingError: "the connection broke off",
        requests.ConnectionError: "no connection",
        requests.TooManyRedirects: "redirects without end",
        ValueError: "redirects to what is no web address",
    }
    return next((text for kind, text in words.items() if isinstance(error, kind)), type(error).__name__)
