"""Word what Hydra and OmegaConf say about overrides: which one cannot be used, and what is accepted instead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from traceback import walk_tb

from hydra.errors import CompactHydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from homotopy_bench.config.choices import Trees, choices_of, option_class
from homotopy_bench.config.including import INCLUDE, trees_in, with_trees
from homotopy_bench.config.mapping import compose_all
from homotopy_bench.core.conf_files import GROUPS_OF_HYDRA, groups
from homotopy_bench.core.errors import ArgumentError, did_you_mean, nearest
from homotopy_bench.core.options import ROOMS
from homotopy_bench.loggers.base import flat


def override_error(error: Exception, overrides: Sequence[str]) -> ArgumentError | None:
    """Return an error of Hydra's in our words.

    Args:
        error: What was raised.
        overrides: All of them, for the one that the error is about.

    Returns:
        The error that names the override; None where the error is about none.
    """
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        named_by = re.match(r"In '([^']+)'", str(error))
        file, trees = str(error.missing_cfg_file), trees_in(overrides)
        return _missing_choice(file, list(error.options or []), named_by[1] if named_by else "", trees)
    if isinstance(error, OverrideParseException):
        accepted = "KEY=VALUE, +KEY=VALUE or ~KEY, in quotes where a value has spaces or special characters"
        return ArgumentError(str(error.override), f"this is no override; accepted: {accepted}")
    if isinstance(error, RecursionError) and (loop := _loop(error)):
        around = " -> ".join(loop)
        return ArgumentError(loop[0], f"defaults name one another in a loop: {around}; accepted: files without a loop")
    if isinstance(error, CompactHydraException | OmegaConfBaseException):
        return _composition(error, overrides)
    if isinstance(error, ValueError) and "Config group override must be" in str(error):
        # Hydra's own message does not say which argument it means.
        return _no_choice(overrides)
    return None


def _missing_choice(file: str, options: Sequence[str], named_by: str, trees: Trees) -> ArgumentError:
    group, _, choice = file.rpartition("/")
    # Hydra tells no options where the choice is that of a file.
    names = [option.rpartition("/")[2] for option in options] or choices_of(group, trees) if group else []
    # What the command line chooses stands in the defaults of ``config``.
    where = f"; the defaults of {named_by.replace('/', '=', 1)} name it" if "/" in named_by else ""
    accepted = f"accepted: {', '.join(names) or 'config'}{nearest(choice, names)}{where}"
    return ArgumentError(f"{group or '--config-name'}={choice}", accepted)


def _loop(error: RecursionError) -> list[str]:
    """Return the files whose defaults name one another in a loop, the first also as the last; none if it is no loop.

    Hydra goes down the tree of defaults until Python ends it; each of its calls is at one file.
    """
    files: list[str] = []
    for frame, _ in walk_tb(error.__traceback__):
        root = frame.f_locals.get("root")
        if frame.f_code.co_name == "_create_defaults_tree_impl" and root is not None and not root.node.is_virtual():
            files.append(root.node.get_config_path())
    for index, file in enumerate(files):
        if file in files[:index]:
            return files[files.index(file) : index + 1]
    return []


def _no_choice(overrides: Sequence[str]) -> ArgumentError:
    for override in overrides:
        key, _, value = override.partition("=")
        if key in groups() and value not in (known := choices_of(key, trees_in(overrides))):
            return ArgumentError(override, f"accepted: {', '.join(known)}")
    return ArgumentError(" ".join(overrides), "accepted: GROUP=CHOICE with the name of a choice")


_HYDRA_SAYS: tuple[tuple[str, str], ...] = (
    (r"Could not override '(?P<key>[^']+)'", "no such key{similar}"),
    (r"Could not find (?:a match|match) for override '?(?P<key>[^'\s]+)", "no such key{similar}"),
    (r"Could not delete from config\. '(?P<key>[^']+)' does not exist", "no such key{similar}"),
    (r"Ambiguous value for argument '(?P<key>[^'=]+)", "accepted: one value; -m runs several, one after the other"),
    (r"Sweep parameters '(?P<key>[^'=]+)", "accepted: one value; -m runs several, one after the other"),
    (r"An item is already at '(?P<key>[^']+)'", "this key is there already; accepted: {bare}"),
    (r"Multiple values for (?P<key>[^\s.]+)\.", "this group has a choice already; accepted: {bare}"),
    (r"Additional config directory '(?P<key>[^']+)' not found", "no such folder; accepted: one with YAML files"),
    (r"Error resolving interpolation '\$\{(?P<key>\w+)\}", "this group needs a choice; accepted: {choices}"),
)
"""Hydra's complaints, and what is said about their key instead."""


def _composition(error: Exception, overrides: Sequence[str]) -> ArgumentError:
    """Return in our words what Hydra or OmegaConf says when overrides and configuration do not fit together."""
    text = " ".join(str(error).split())
    if key := getattr(error, "full_key", None):
        reason = text.partition(" full_key:")[0]
        accepted = f"{reason}; accepted: a value, or ${{KEY}} with a key that exists"
        return ArgumentError(_override(key, overrides), accepted)
    for pattern, wording in _HYDRA_SAYS:
        if found := re.search(pattern, text):
            key = found["key"]
            override = _override(key, overrides)
            similar = _similar(key, overrides) if "{similar}" in wording else ""
            choices = ", ".join(choices_of(key, trees_in(overrides)))
            accepted = wording.format(similar=similar, bare=override.lstrip("+"), choices=choices)
            return ArgumentError(override, accepted)
    if text.startswith("Error merging override"):
        reason = str(error.__cause__ or "it is of another type").partition("\n")[0]
        return ArgumentError(
            text.removeprefix("Error merging override "), f"{reason}; accepted: a value of the key's type"
        )
    named = [a for a in overrides if re.search(rf"(?<![\w.]){re.escape(_key(a) or a)}(?![\w.])", text)]
    return ArgumentError(named[0] if named else " ".join(overrides), text)


def _override(key: str, overrides: Sequence[str]) -> str:
    """Return the override that is about a key, as it was written; the key itself if there is none."""
    return next((override for override in overrides if _key(override) == key), key)


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")


def _similar(key: str, overrides: Sequence[str]) -> str:
    """Return a hint at what was meant.

    That is the same key of another choice, a namesake in another section, a neighbour in its own, or what looks alike.
    """
    known, of_hydra = _known(overrides)
    if _section(key) == "hydra":
        return f"{nearest(key, of_hydra, cutoff=0.85)}; --hydra-help and --cfg hydra show the keys of Hydra"
    elsewhere = dict(_keys_elsewhere(_section(key), trees_in(overrides)))
    last, parent = key.rpartition(".")[2], key.rpartition(".")[0]
    neighbours = {name.rpartition(".")[2]: name for name in known if parent and name.rpartition(".")[0] == parent}
    if key in elsewhere:
        others = f"; known: {', '.join(neighbours.values())}" if neighbours else ""
        return f"; it needs {elsewhere[key]}{others}"
    namesakes = [name for name in known if name.rpartition(".")[2] == last]
    if not namesakes and "." in key:
        if close := get_close_matches(last, neighbours, n=1, cutoff=0.5):
            return did_you_mean(neighbours[close[0]])
        if close := get_close_matches(key, elsewhere, n=1, cutoff=0.8):
            return did_you_mean(close[0], f"with {elsewhere[close[0]]}")
        if neighbours:
            return f"; known: {', '.join(neighbours.values())}"
    return did_you_mean(namesakes[0]) if namesakes else nearest(key, known)


def _known(overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the groups and keys that the choices among the overrides leave, and those of Hydra."""
    names = groups()
    # The choices themselves may be what is wrong.
    with suppress(CompactHydraException, OmegaConfBaseException):
        chosen = (*names, *GROUPS_OF_HYDRA)
        choices = [a for a in overrides if _key(a) in chosen and "," not in a.partition("[")[0]]
        composed = compose_all(with_trees(choices, trees_in(overrides)))
        composed.pop(INCLUDE, None)
        of_hydra = [f"hydra.{key}" for key, _ in flat(composed.pop("hydra"))]
        return [*names, *(key for key, _ in flat(composed))], of_hydra
    return names, []


def _keys_elsewhere(group: str, trees: Trees) -> Iterator[tuple[str, str]]:
    """Yield every key of a group's choices, with the choice or choices that have it."""
    found: dict[str, list[str]] = {}
    for choice in choices_of(group, trees) if group in ROOMS else ():
        prefix = f"{group}.{choice}" if group == "logger" else group
        for name in option_class(group, choice, trees).model_fields:
            if name != "name":
                found.setdefault(f"{prefix}.{name}", []).append(choice)
    for key, names in found.items():
        yield key, f"{group}={' or '.join(names)}"


def _section(key: str) -> str:
    return key.partition(".")[0]
