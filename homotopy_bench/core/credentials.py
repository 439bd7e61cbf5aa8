"""Refuse secrets on a command line and in a configuration, before either is printed or written.

A secret is what a key named like one has, the password or token of a URL, and the value of an environment variable that
is named like a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NoReturn

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.masking import MASK, NO_SECRETS, holds_secret, masked, named_like_secret, references

AS_WRITTEN = ("hydra.sweeper.storage", "hydra.job.env_set.", "hydra.job.override_dirname", "hydra.overrides.")
"""Keys that are recorded as they are written, so that they may refer to secrets of the environment."""

_KEPT = "credentials here would be kept in every record"
_ACCEPTED = {
    "logger": "none here but in the tracker's own variables, such as WANDB_API_KEY, MLFLOW_TRACKING_URI or "
    "MLFLOW_TRACKING_PASSWORD",
    "hydra.sweeper.storage": "none here but PGPASSWORD or ~/.pgpass, or all of it as '${oc.env:NAME}'",
    "hydra.job.env_set": "none here but in the environment, as '${oc.env:NAME}'",
}
"""Key -> where its credentials belong."""
_ELSE = "none here; programs take them from the environment"

_LEADING = re.compile(r"([^=:\s{]+)\s*(=|:|\s)\s*(.*)", re.DOTALL)
_IN_BRACES = re.compile(r"(?<=[{,])\s*['\"]?([\w./@ -]+?)['\"]?\s*:(?!//)\s*['\"]?([^,}\s'\"]*)")
# As a shell writes it, within a text; a value that begins with $ is a reference. KEY=VALUE stands for any key.
_ASSIGNED = re.compile(r"(?<![\w.])(?!key=)(\w+)=([^\s,;&'\"$]+)", re.IGNORECASE)
_DEFAULT = re.compile(r"\{\s*(?:oc\.)?env:\s*['\"]?(\w+)['\"]?\s*,\s*([^}]*)")
_URL = re.compile(r"([+~]*[\w./@-]+=)?['\"]?[\w+.-]+://")
# What comes from elsewhere, and has no default written here.
_ELSEWHERE = re.compile(r"\$\{[^{},]*\}")


def refuse_arguments(arguments: Iterable[str]) -> None:
    """Refuse secrets on a command line, whatever else is wrong with it.

    Raises:
        InputError: At the first one.
    """
    for argument in arguments:
        leading = _LEADING.match(argument)
        key = re.split(r"[=:\s{]", argument)[0].lstrip("+~")
        left, _, right = argument.partition("=")
        if named_like_secret(left) and _given(_ELSEWHERE.sub("", right)):
            _refuse(key, MASK)
        bare = not leading and argument.startswith(("+", "-"))  # its value follows, or was forgotten
        if named_like_secret(key) and (bare or (leading and _given(_ELSEWHERE.sub("", leading[3])))):
            _refuse(key, MASK)
        literal = _unbroken(_ELSEWHERE.sub("", argument))
        _refuse_named([*_IN_BRACES.findall(literal), *_parts(argument)], key)
        # A name and a host, mail:me@host, are no user with a password.
        if holds_secret(_IN_BRACES.sub(r"\1 \2", literal)):
            key, _, value = masked(_unbroken(argument)).partition("=")
            _refuse(key.lstrip("+~"), value or MASK)


def refuse_credentials(options: object, key: str = "", resolve: Callable[[str], object] = lambda _: None) -> None:
    """Refuse secrets in nested options.

    Args:
        options: Mappings, sequences and values as they are written.
        key: The key at which they stand.
        resolve: Returns the value of a key whose text refers to the environment; None where it has none.

    Raises:
        InputError: At the first one.
    """
    if isinstance(options, Mapping):
        for name, value in options.items():
            refuse_credentials(value, f"{key}.{name}" if key else str(name), resolve)
    elif isinstance(options, Sequence) and not isinstance(options, str | bytes):
        for index, value in enumerate(options):
            refuse_credentials(value, f"{key}.{index}", resolve)
    elif options is not None:
        _refuse_value(str(options), key, resolve)


def _refuse_value(text: str, key: str, resolve: Callable[[str], object]) -> None:
    kept = key.startswith(AS_WRITTEN)
    text = _unbroken(text)
    literal = _ELSEWHERE.sub("", text)
    if named_like_secret(key) and _given(literal if kept else text):
        _refuse(key, MASK)
    _refuse_named(_parts(text), key)
    if holds_secret(literal):
        _refuse(key, masked(text))
    if not kept and (named := references(text)):
        resolved = resolve(key)
        if any(map(named_like_secret, named)) or (isinstance(resolved, str) and holds_secret(resolved)):
            _refuse(key, masked(text))


def _parts(text: str) -> list[tuple[str, str]]:
    """Return what a text assigns to names, and the defaults that it gives to variables of the environment."""
    return [*_ASSIGNED.findall(_ELSEWHERE.sub("", text)), *_DEFAULT.findall(text)]


def _refuse_named(parts: Iterable[tuple[str, str]], key: str) -> None:
    for name, value in parts:
        if named_like_secret(name) and _given(value):
            _refuse(f"{key}: {name}", MASK)


def _unbroken(text: str) -> str:
    """Return a text, without spaces if all of it is one URL: its password may hold some."""
    return re.sub(r"\s", "", text) if _URL.match(text) else text


def _given(value: str) -> bool:
    return value.strip().lower() not in NO_SECRETS


def _refuse(key: str, value: str) -> NoReturn:
    accepted = next((said for begins, said in _ACCEPTED.items() if key.startswith(begins)), _ELSE)
    raise InputError(key, value, f"{_KEPT}; accepted: {accepted}")
