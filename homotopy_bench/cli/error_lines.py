"""Turn every error into one line and an exit code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches

from hydra.errors import CompactHydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from homotopy_bench.config.compose import known_keys
from homotopy_bench.core.conf_files import choices_of, conf_dir
from homotopy_bench.core.errors import FAILURE, WRONG_INPUT, InputError, nearest

VALUES = ("tuned", "at_target", "hydra")
"""Folders of conf/ that a user does not choose from: the other choices decide."""


def explain(error: Exception, arguments: Sequence[str]) -> tuple[str, int]:
    """Word an error of a run or of Hydra in one line.

    Args:
        error: What was raised.
        arguments: The command line, for the argument that an error belongs to.

    Returns:
        The line, and exit code 2 for an input that cannot be used or 1 for a failure.
    """
    if isinstance(error, InputError):
        return str(error), WRONG_INPUT
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing_choice(str(error.missing_cfg_file), list(error.options or [])), WRONG_INPUT
    if isinstance(error, OverrideParseException):
        accepted = "KEY=VALUE, +KEY=VALUE or ~KEY, in quotes where a value has spaces or special characters"
        return f"{error.override}: this is no override; accepted: {accepted}", WRONG_INPUT
    if isinstance(error, CompactHydraException | OmegaConfBaseException):
        return _composition(error, arguments), WRONG_INPUT
    if isinstance(error, ValueError) and "Config group override must be" in str(error):
        # Hydra's own message does not say which argument it means.
        return _no_choice(arguments), WRONG_INPUT
    if isinstance(error, OSError) and error.filename is not None:
        return _file(error, arguments), WRONG_INPUT
    return f"{type(error).__name__}: {' '.join(str(error).split())} (HYDRA_FULL_ERROR=1 shows where)", FAILURE


def _missing_choice(file: str, options: Sequence[str]) -> str:
    group, _, choice = file.rpartition("/")
    choices = [option.rpartition("/")[2] for option in options]
    hint = nearest(choice, choices)
    accepted = f"accepted: {', '.join(choices) or 'config'}{f'; {hint}' if hint else ''}"
    return f"{group or '--config-name'}={choice}: {accepted}"


def _no_choice(arguments: Sequence[str]) -> str:
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key in _groups() and value not in choices_of(key):
            return f"{argument}: accepted: {', '.join(choices_of(key))}"
    return f"{' '.join(arguments)}: accepted: GROUP=CHOICE with the name of a choice"


def _file(error: OSError, arguments: Sequence[str]) -> str:
    for argument in arguments:
        value = argument.partition("=")[2]
        if value and str(error.filename).startswith(value):
            return f"{argument}: {error.filename}: {error.strerror}; accepted: a folder that can be made and written"
    return f"{error.filename}: {error.strerror}"


_HYDRA_SAYS: tuple[tuple[str, str], ...] = (
    (r"Could not override '(?P<key>[^']+)'", "no such key{similar}"),
    (r"Could not find (?:a match|match) for override '?(?P<key>[^'\s]+)", "no such key{similar}"),
    (r"Could not delete from config\. '(?P<key>[^']+)' does not exist", "no such key{similar}"),
    (r"Ambiguous value for argument '(?P<key>[^'=]+)", "accepted: one value; -m runs several, one after the other"),
    (r"Sweep parameters '(?P<key>[^'=]+)", "accepted: one value; -m runs several, one after the other"),
    (r"An item is already at '(?P<key>[^']+)'", "this key is there already; accepted: {bare}"),
    (r"Multiple values for (?P<key>[^\s.]+)\.", "this group has a choice already; accepted: {bare}"),
    (r"Error resolving interpolation '\$\{(?P<key>\w+)\}", "this group needs a choice; accepted: {choices}"),
)
"""Hydra's complaints, and what is said about their key instead."""


def _composition(error: Exception, arguments: Sequence[str]) -> str:
    """Return one line for what Hydra or OmegaConf says when overrides and configuration do not fit together."""
    text = " ".join(str(error).split())
    if key := getattr(error, "full_key", None):
        reason = text.partition(" full_key:")[0]
        return f"{_argument(key, arguments)}: {reason}; accepted: a value, or ${{KEY}} with a key that exists"
    for pattern, wording in _HYDRA_SAYS:
        if found := re.search(pattern, text):
            key = found["key"]
            argument = _argument(key, arguments)
            similar = _similar(key, arguments) if "{similar}" in wording else ""
            choices = ", ".join(choices_of(key))
            return f"{argument}: {wording.format(similar=similar, bare=argument.lstrip('+'), choices=choices)}"
    named = [a for a in arguments if re.search(rf"(?<![\w.]){re.escape(_key(a) or a)}(?![\w.])", text)]
    return f"{named[0]}: {text}" if named and named[0] not in text else text


def _argument(key: str, arguments: Sequence[str]) -> str:
    """Return the argument that is about a key, as it was written; the key itself if there is none."""
    return next((argument for argument in arguments if _key(argument) == key), key)


def _key(argument: str) -> str:
    return argument.partition("=")[0].lstrip("+~")


def _similar(key: str, arguments: Sequence[str]) -> str:
    """Return a hint at what was meant: a namesake in another section, a neighbour in its own, or what looks alike."""
    if _section(key) == "hydra":
        return "; --hydra-help and --cfg hydra show the keys of Hydra"
    known = groups = _groups()
    # The choices themselves may be what is wrong.
    with suppress(CompactHydraException, OmegaConfBaseException):
        known = [*groups, *known_keys([a for a in arguments if _key(a) in groups and "," not in a])]
    last = key.rpartition(".")[2]
    neighbours = {name.rpartition(".")[2]: name for name in known if "." in name and _section(name) == _section(key)}
    namesakes = [name for name in known if name.rpartition(".")[2] == last]
    if not namesakes and "." in key and neighbours:
        close = get_close_matches(last, neighbours, n=1, cutoff=0.5)
        return f"; did you mean '{neighbours[close[0]]}'?" if close else f"; known: {', '.join(neighbours.values())}"
    hint = f"did you mean '{namesakes[0]}'?" if namesakes else nearest(key, known)
    return hint and f"; {hint}"


def _section(key: str) -> str:
    return key.partition(".")[0]


def _groups() -> list[str]:
    return sorted(path.name for path in conf_dir().iterdir() if path.is_dir() and path.name not in VALUES)
