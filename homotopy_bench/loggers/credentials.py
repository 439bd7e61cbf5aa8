"""Keep credentials out of what is written and printed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence

from homotopy_bench.core.errors import InputError

WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL")
"""Parts of the names of environment variables with secrets."""

SHORTEST = 6
"""Values shorter than this are no secrets, and are part of too many words."""

NO_CREDENTIALS = (
    "credentials here would be kept in every record; accepted: none here but in the tracker's own variables, such as "
    "MLFLOW_TRACKING_URI or MLFLOW_TRACKING_PASSWORD"
)

# Up to the last @: a password may hold what else ends a host.
_USER = re.compile(r"(?<=://)[^\s'\"]*@")
_QUERY = re.compile(r"(?<=[?&])([^=&\s]*(?:pass|token|secret|key)[^=&\s]*)=[^&\s'\"]*", re.IGNORECASE)
_PASSWORD = re.compile(r"://[^\s@]*:[^\s]*@|https?://[^\s@]+@")
_NAME = re.compile("|".join(WORDS), re.IGNORECASE)
_NAME_IN_BRACES = re.compile(rf"\{{[^}}]*?(\w*(?:{'|'.join(WORDS)})\w*)['\"]?\s*:", re.IGNORECASE)


def masked(text: str) -> str:
    """Return a text without credentials: those of URLs, and the values of environment variables named like secrets.

    Example:
        >>> masked("no answer from https://me:secret@host/path?token=secret")
        'no answer from https://***@host/path?token=***'
    """
    text = _QUERY.sub(r"\1=***", _USER.sub("***@", text))
    for name, value in os.environ.items():
        if len(value) >= SHORTEST and any(word in name.upper() for word in WORDS):
            text = text.replace(value, "***")
    return text


def holds_credentials(url: str) -> bool:
    """Return whether a URL has a password, a token in its place, or one among its options.

    Example:
        >>> holds_credentials("https://token@host"), holds_credentials("postgresql://me@host/runs")
        (True, False)
    """
    return bool(_PASSWORD.search(url) or ("://" in url and _QUERY.search(url)))


def refuse_credentials(arguments: Iterable[str]) -> None:
    """Refuse credentials in an option of a tracker, before Hydra writes the command line into a file.

    Raises:
        InputError: At the first one.
    """
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key.lstrip("+~").partition(".")[0] != "logger":
            continue
        if _NAME.search(key):
            raise InputError(key, "***", NO_CREDENTIALS)
        if named := _NAME_IN_BRACES.search(value):
            raise InputError(f"{key}: {named[1]}", "***", NO_CREDENTIALS)
        if holds_credentials(value):
            raise InputError(key, masked(value), NO_CREDENTIALS)


def refuse_credentials_in(options: object, key: str = "logger") -> None:
    """Refuse credentials in the nested options of trackers at ``key``; a DictConfig is resolved.

    Raises:
        InputError: At the first one.
    """
    if isinstance(options, Mapping):
        for name, value in options.items():
            if _NAME.search(str(name)):
                raise InputError(f"{key}.{name}", "***", NO_CREDENTIALS)
            refuse_credentials_in(value, f"{key}.{name}")
    elif isinstance(options, Sequence) and not isinstance(options, str):
        for value in options:
            refuse_credentials_in(value, key)
    elif isinstance(options, str) and holds_credentials(options):
        raise InputError(key, masked(options), NO_CREDENTIALS)
