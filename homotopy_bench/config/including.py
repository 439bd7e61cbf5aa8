"""Take folders of choices, and installed packages with some, and give them to Hydra.

A configuration names them by the keys of their text: ``include: [KEY, ...]``. Hydra finds their YAML files at the
search path ``included://KEY``, wherever the text was read.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from homotopy_bench.config.choices import Trees, check_choices, check_names
from homotopy_bench.config.setting_file import check_text
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.included.copies import read_copy
from homotopy_bench.core.included.modules import register, trees_of
from homotopy_bench.core.included.source import check_source
from homotopy_bench.core.included.tree import Origin, Tree, read_tree

ENTRY_POINTS = "homotopy_bench.choices"
"""Group of entry points whose values are packages that are laid out as a folder of choices."""

INCLUDE = "include"
"""Key of the configuration, and argument of the command line."""

SCHEME = "included"
"""Scheme of the search path."""


def included(folders: Iterable[str | Path]) -> Trees:
    """Return the trees of folders and of installed packages, read and checked but not run.

    Raises:
        InputError: At the first that cannot be used.
    """
    trees: list[Tree] = []
    seen: set[Path] = set()
    for folder in map(Path, folders):
        try:
            place = folder.expanduser().resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(INCLUDE, folder, f"{error}; accepted: a folder") from error
        if place not in seen:
            seen.add(place)
            trees.append(read_tree(folder.expanduser(), Origin(str(folder))))
    if not trees:
        return installed()
    for tree in trees:
        _check_text(tree)
    register(trees)
    check_names((*installed(), *trees))
    return (*installed(), *trees)


def _check_text(tree: Tree) -> None:
    """Check what can be seen of a tree without running it."""
    check_source(tree)
    for path in tree.files:
        if path.endswith(".yaml"):
            check_text(INCLUDE, tree.place(path), tree.text(path), path.split("/")[1])


def run_checks(trees: Trees) -> None:
    """Run the Python files of trees, and check the classes in them.

    Raises:
        InputError: At the first that is wrong.
    """
    check_choices(trees)


@cache
def installed() -> Trees:
    """Return the trees of installed packages; none is imported. They are looked for once in a process.

    Raises:
        InputError: If one cannot be read.
    """
    trees = []
    for point in entry_points(group=ENTRY_POINTS):
        top, *below = point.value.partition(":")[0].split(".")
        spec = importlib.util.find_spec(top)
        places = [] if spec is None else list(spec.submodule_search_locations or [])
        name, version = (point.dist.name, point.dist.version) if point.dist else (point.name, "unknown")
        if not places:
            raise InputError(
                INCLUDE, name, f"its entry point {point.value} is no package; accepted: pip uninstall {name}"
            )
        trees.append(read_tree(Path(places[0]).joinpath(*below), Origin(name, version)))
    for tree in trees:
        _check_text(tree)
    register(trees)
    check_names(tuple(trees))
    return tuple(trees)


def split_include(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the folders that arguments include, and the other arguments.

    Raises:
        InputError: If one names no folder.

    Example:
        >>> split_include(["include=mine,../theirs", "seed=1"])
        (['mine', '../theirs'], ['seed=1'])
    """
    folders: list[str] = []
    others: list[str] = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if key != INCLUDE:
            others.append(argument)
            continue
        named = [one.strip().strip("'\"") for one in value.strip("[]").split(",")]
        if not equals or not all(named):
            raise InputError(INCLUDE, value, "accepted: FOLDER or FOLDER,FOLDER")
        folders += named
    return folders, others


def with_trees(overrides: Sequence[str], trees: Trees) -> list[str]:
    """Return overrides with those that name trees: for the configuration, and for Hydra's search path.

    Example:
        >>> with_trees(["seed=1"], ())
        ['seed=1']
    """
    if not trees:
        return list(overrides)
    keys = [tree.key for tree in trees]
    paths = [f"{SCHEME}://{key}" for key in keys]
    others = []
    for one in overrides:
        if found := re.fullmatch(r"hydra\.searchpath=\[(.*)\]", one):
            paths[:0] = [part for part in found[1].split(",") if part and not part.startswith(f"{SCHEME}://")]
        elif not one.startswith(f"++{INCLUDE}="):
            others.append(one)
    return [*others, f"++{INCLUDE}=[{','.join(keys)}]", f"hydra.searchpath=[{','.join(paths)}]"]


def keys_in(overrides: Iterable[str]) -> list[str]:
    """Return the keys of the trees that overrides name, as :func:`with_trees` has written them."""
    found = [match for one in overrides if (match := re.fullmatch(rf"\+\+{INCLUDE}=\[([\w,]*)\]", one))]
    return [key for match in found for key in match[1].split(",") if key]


def trees_in(overrides: Iterable[str]) -> Trees:
    """Return the trees that overrides name.

    Raises:
        InputError: If one is not at hand.
    """
    return trees_of(keys_in(overrides))


def from_copies(keys: Iterable[str], folder: Path) -> Trees:
    """Return the trees that a record names, from the copies in its folder, or as this process has them.

    Args:
        keys: Their keys; those of which there is neither are left out, as a run may have used none of their choices.
        folder: The folder of the run.

    Raises:
        InputError: If a copy has been changed.
    """
    found = []
    for key in map(str, keys):
        copy = read_copy(key, folder)
        if copy is not None:
            register([copy])
            found.append(copy)
        else:
            with suppress(InputError):
                found += trees_of([key])
    return tuple(found)


def described(trees: Trees) -> list[str]:
    """Return a line for every tree whose code is run."""
    return [
        f"include={tree.origin}: runs its code ({', '.join('='.join(one) for one in tree.offers())}), hash {tree.key}"
        for tree in trees
    ]
