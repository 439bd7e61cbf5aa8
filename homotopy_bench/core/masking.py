"""Tell secrets from other text, and mask them in what is printed or recorded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

MASK = "***"

SHORTEST = 6
"""Values shorter than this are no secrets, and are part of too many words."""

NO_SECRETS = ("", "null", "none", "true", "false", "''", '""', MASK)
"""What a key named like a secret may have."""

NO_SECRET_NAMES = ("PWD", "OLDPWD")
"""Variables named like a secret by chance: a shell's folders, which may be gone."""

# Words of a name in lower case, with _ between them.
_NAME = re.compile(
    r"(?:^|_)(?:(?!(?:don|hoc|joc|mon|tur|whis)key)[a-z0-9]*"
    r"(?:key|token|secrets?|passwords?|passwd|passphrase|credentials?)|[a-z0-9]*(?:api|access|secret|private)_?keys|pass|pwd|authorization)\d*(?:_|$)"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_REFERENCE = re.compile(r"\{\s*(?:oc\.)?env:\s*['\"]?(\w+)")
# Up to the last @: a password may hold what else ends a host. Of pages, the user may be a token.
_OF_PAGE = re.compile(r"(?:(?<=http://)|(?<=https://))(?!\*\*\*@)[^\s@]\S*@")
# Digits alone are a port.
_OF_SERVER = re.compile(r"(?<=://)([^\s@:/]*:)(?!\*\*\*@|\d{1,5}(?:[,}'\"\s]|$))\S+@")
_WITHOUT_SCHEME = re.compile(
    r"(?:^|(?<=[\s='\":,(\[])|(?<=//))[^\s='\":,()/@{}\[\]]+:(?!\*\*\*@)[^\s='\":,()/@{}\[\]]+@(?=\w)"
)
_OPTION = re.compile(
    r"(?<=[?&;])([^=&;\s]*(?:pass|pwd|token|secret|key|signature)[^=&;\s]*)=(?!\*\*\*)[^&;\s'\"]+", re.IGNORECASE
)


@lru_cache(maxsize=4096)  # asked for every variable of the environment at every value
def named_like_secret(name: str) -> bool:
    """Return whether a part of a dotted key, or the name of a variable, has a word for a secret.

    Example:
        >>> [named_like_secret(name) for name in ("env_set.WANDB_API_KEY", "apiKey", "PGPASSWORD", "db.token")]
        [True, True, True, True]
        >>> [named_like_secret(name) for name in ("exclude_keys", "monkey", "tokenizer", "passes")]
        [False, False, False, False]
    """
    return bool(_NAME.search(re.sub(r"\W", "_", _HUMP.sub("_", name)).lower()))


def references(text: str) -> list[str]:
    """Return the environment variables that interpolations in a text name.

    Example:
        >>> references("postgresql://${oc.env:USER,me}@${oc.env:HOST}/studies")
        ['USER', 'HOST']
    """
    return _REFERENCE.findall(text)


def holds_secret(text: str) -> bool:
    """Return whether a text has the credentials of a URL, or the value of an environment variable named like a secret.

    Example:
        >>> holds_secret("https://token@host"), holds_secret("postgresql://me@host:5432/runs")
        (True, False)
    """
    return _without_credentials(text) != text or any(_stands_in(value, text) for value in _secrets())


def _stands_in(value: str, text: str) -> bool:
    """Return whether a secret is in a text; one of letters alone, such as postgres, only where it is a whole word."""
    return re.search(rf"(?<![^\W_]){value}(?![^\W_])", text) is not None if value.isalpha() else value in text


def masked(text: str, arguments: Sequence[str] = ()) -> str:
    """Return a text without the secrets that :func:`holds_secret` finds.

    Args:
        text: The text.
        arguments: A command line; the values of all environment variables that it refers to are masked too.

    Example:
        >>> masked("no answer from https://me:secret@host/path?token=secret")
        'no answer from https://***@host/path?token=***'
    """
    text = _without_credentials(text)
    # The longest first: one may be the beginning of another.
    for value in sorted(_secrets(references(" ".join(arguments))), key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


def one_line(text: object, most: int) -> str:
    """Return a text as one masked line of at most ``most`` characters.

    It is masked before it is cut: half a URL no longer shows that it holds a password.

    Example:
        >>> one_line("no answer from https://me:secret@host", 24)
        'no answer from https://*'
    """
    return masked(" ".join(str(text).split()))[:most]


def error_line(error: Exception, most: int = 300) -> str:
    r"""Return what kind of error it is, and what it says, as one masked line of at most ``most`` characters.

    Example:
        >>> error_line(OSError("no answer\nfrom https://me:secret@host"))
        'OSError: no answer from https://***@host'
    """
    return one_line(f"{type(error).__name__}: {error}", most)


def masked_arguments(arguments: Sequence[str]) -> list[str]:
    """Return a command line without the values of what is named like a secret, and without other secrets.

    Example:
        >>> masked_arguments(["--token", "secret", "--api-key=secret", "seed=3"])
        ['--token', '***', '--api-key=***', 'seed=3']
    """
    shown: list[str] = []
    follows = False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        secret = named_like_secret(name)
        hidden = follows or (secret and equals and value.lower() not in NO_SECRETS)
        shown.append(f"{'' if follows else name + equals}{MASK}" if hidden else masked(argument))
        follows = secret and not equals and argument.startswith("-")
    return shown


def _without_credentials(text: str) -> str:
    text = _OF_SERVER.sub(rf"\1{MASK}@", _OF_PAGE.sub(f"{MASK}@", text))
    text = _WITHOUT_SCHEME.sub(f"{MASK}@", text)
    return _OPTION.sub(rf"\1={MASK}", text) if "://" in text else text


def _secrets(more: Sequence[str] = ()) -> Iterator[str]:
    """Yield the values of environment variables that are named like secrets, or that are among others."""
    for name, value in os.environ.items():
        if len(value) < SHORTEST or name in NO_SECRET_NAMES or not (name in more or named_like_secret(name)):
            continue
        # A variable may say where a secret lies; that is part of many paths. Of a token that is too long for a path, or
        # a place that is closed to this user, os.path.exists says no, where that of pathlib raises with the value.
        if not os.path.exists(value):  # noqa: PTH110
            yield value
