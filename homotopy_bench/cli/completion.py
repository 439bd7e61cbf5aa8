"""Offer what may follow on a command line: flags, groups, choices, keys, their values, and folders to resume."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.plugins.completion_plugin import CompletionPlugin

from homotopy_bench.cli.arguments import FLAGS, is_flag
from homotopy_bench.config.choices import Trees, choices_of
from homotopy_bench.config.including import included, split_include, with_trees
from homotopy_bench.config.mapping import compose_all
from homotopy_bench.config.reference import ABOUT, Key, choice, path_keys, run_keys
from homotopy_bench.core.conf_files import GROUPS_OF_HYDRA, groups
from homotopy_bench.core.errors import InputError
from homotopy_bench.sweeps.reference import LAUNCHER, SWEEPER, launchers, sweepers
from homotopy_bench.tracking.origin import MULTIRUN
from homotopy_bench.tracking.record import holds_run

SEPARATORS = {"bash": " ", "zsh": " ", "fish": "\n"}
"""What each shell expects between two offers."""

DEEPEST = 4
"""Folders below an offered one in which runs are looked for: outputs/multirun/DATE/TIME."""

MOST_FOLDERS = 2000
"""Folders that are looked at; what lies beyond is taken to hold runs."""


def complete(line: str) -> list[str]:
    """Return the words that may stand in place of the last one of a command line.

    Args:
        line: What has been typed, from the name of the program on.

    Returns:
        The words, sorted.
    """
    typed = CompletionPlugin.strip_python_or_app_name(line)
    words = _words(typed)
    word = words.pop() if words and not typed[-1].isspace() else ""
    words, trees = _including(words)
    if is_flag(word):
        return sorted(flag for flag in FLAGS if flag.startswith(word))
    sign, bare = (word[0], word[1:]) if word[:1] in ("+", "~") else ("", word)
    key, equals, value = bare.partition("=")
    if key == "resume" and equals:
        return sorted(f"resume={folder}" for folder in _folders_to_resume(value))
    if key == "include" and equals:
        return sorted(f"include={folder}" for folder in _folders(value))
    if equals and "/" in value:
        return sorted(f"{sign}{key}={file}" for file in CompletionPlugin.complete_files(value))
    if equals and _is_group(key):
        return sorted(f"{sign}{one}" for one in _listed(key, value, _choices(key, trees)))
    composed = _composed(words, trees)
    if equals:
        return sorted(f"{sign}{one}" for one in _listed(key, value, _values(key, composed, trees)))
    starts = [*(f"{group}=" for group in (*groups(), *GROUPS_OF_HYDRA)), "include=", "resume=", *_keys(bare, composed)]
    return sorted(f"{sign}{start}" for start in starts if start.startswith(bare))


def _including(words: Sequence[str]) -> tuple[list[str], Trees]:
    """Return the words without those that include folders, and what these hold; nothing of it is run."""
    try:
        folders, others = split_include(words)
        return others, included(folders)
    except InputError:  # the command itself will say what is wrong
        return [word for word in words if not word.startswith("include=")], ()


def _words(typed: str) -> list[str]:
    try:
        return shlex.split(typed)
    except ValueError:  # a quote that is still open
        return typed.split()


def _is_group(key: str) -> bool:
    return key in groups() or key in GROUPS_OF_HYDRA


def _choices(group: str, trees: Trees) -> list[str]:
    described = {LAUNCHER: launchers, SWEEPER: sweepers}
    return [one.name for one in described[group]()] if group in described else choices_of(group, trees)


def _listed(key: str, value: str, accepted: Iterable[str]) -> Iterator[str]:
    """Yield ``KEY=VALUE`` for every value that begins as typed; behind a comma, those that are not there yet."""
    before, comma, begun = value.rpartition(",")
    for one in accepted:
        if one.startswith(begun) and one not in before.split(","):
            yield f"{key}={before}{comma}{one}"


def _composed(words: Sequence[str], trees: Trees) -> dict[str, Any]:
    """Return all keys under the choices that are typed already, or those of a bare command where these do not fit."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    chosen = [word for word in words if _is_group(word.partition("=")[0]) and "," not in word.partition("[")[0]]
    try:
        composed = compose_all(with_trees(chosen, trees))
    except (HydraException, OmegaConfBaseException, ValueError):
        composed = compose_all()
    composed.pop("include", None)
    return composed


def _keys(word: str, composed: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys and sections on the level of a word."""
    parent = word.rpartition(".")[0]
    node: Any = composed
    for part in parent.split(".") if parent else ():
        node = node.get(part) if isinstance(node, Mapping) else None
    if isinstance(node, Mapping):
        for name, value in node.items():
            if name == "_target_":
                continue
            key = f"{parent}.{name}" if parent else str(name)
            yield f"{key}." if isinstance(value, Mapping) and value else f"{key}="


def _values(name: str, composed: Mapping[str, Any], trees: Trees) -> Sequence[str]:
    """Return what a key accepts, or its value where that cannot be listed."""
    for key in _described(composed, trees):
        if key.name == name:
            return key.values or ([] if "$" in key.default or " " in key.default else [key.default])
    return []


def _described(composed: Mapping[str, Any], trees: Trees) -> Iterator[Key]:
    """Yield every key of the chosen options; of included ones nothing, as their code would have to be run."""
    yield from run_keys()
    yield from path_keys()
    for group in ABOUT:
        section = composed[group]
        names = (
            [name for name in choices_of(group, trees) if name in section] if group == "logger" else [section["name"]]
        )
        for name in names:
            if not any(name in tree.choices(group) for tree in trees):
                yield from choice(group, name).keys
    chosen = composed["hydra"]["runtime"]["choices"]
    for one in (*launchers(), *sweepers()):
        if chosen[one.group] == one.name:
            yield from one.keys


def _folders(typed: str) -> Iterator[str]:
    """Yield the folders that begin as typed; behind a comma, the next ones."""
    before, comma, last = typed.rpartition(",")
    parent, slash, begun = last.rpartition("/")
    for folder in _below(Path(parent + slash) if slash else Path()):
        if folder.name.startswith(begun) and folder.name.isprintable() and " " not in folder.name:
            yield f"{before}{comma}{parent}{slash}{folder.name}"


def _folders_to_resume(typed: str) -> Iterator[str]:
    """Yield the folders that hold a run or a multirun, and with a slash those below which some do."""
    parent, slash, begun = typed.rpartition("/")
    above = Path(parent + slash) if slash else Path()
    left = [MOST_FOLDERS]
    for folder in _below(above):
        # A shell would take a name with a space for two words, and obey control characters.
        if folder.name.startswith(begun) and folder.name.isprintable() and " " not in folder.name:
            if _can_be_resumed(folder):
                yield f"{parent}{slash}{folder.name}"
            elif _leads_to_runs(folder, DEEPEST, left):
                yield f"{parent}{slash}{folder.name}/"


def _can_be_resumed(folder: Path) -> bool:
    return holds_run(folder) or (folder / MULTIRUN).is_file()


def _leads_to_runs(folder: Path, depth: int, left: list[int]) -> bool:
    """Return whether runs lie below a folder; ``left`` counts the folders that may still be looked at."""
    for child in _below(folder) if depth else ():
        left[0] -= 1
        if left[0] < 0 or _can_be_resumed(child) or _leads_to_runs(child, depth - 1, left):
            return True
    return False


def _below(folder: Path) -> list[Path]:
    """Return the folders in a folder, without hidden ones and links."""
    try:
        return [
            child
            for child in sorted(folder.iterdir())
            if not child.name.startswith(".") and not child.is_symlink() and child.is_dir()
        ]
    except OSError:
        return []
