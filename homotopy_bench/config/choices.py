"""Find the choices of every group, built-in and included, and the class of options of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import yaml

from homotopy_bench.continuation.base import Continuation
from homotopy_bench.core import conf_files, options
from homotopy_bench.core.errors import InputError, nearest
from homotopy_bench.core.included.modules import import_from, key_of, trees_of
from homotopy_bench.core.included.source import maker_of
from homotopy_bench.core.included.tree import ROOMS, SETTINGS, Tree, python_of, yaml_of
from homotopy_bench.core.options import Options
from homotopy_bench.data.base import Dataset
from homotopy_bench.loggers.base import Logger
from homotopy_bench.methods.base import Method
from homotopy_bench.models.base import Model
from homotopy_bench.models.function import function_model
from homotopy_bench.optim.base import Optimizer
from homotopy_bench.optim.lr_schedules.base import LRSchedule

Trees = tuple[Tree, ...]
"""Included trees, in the order in which they were named."""

BASES: dict[str, type[Options]] = {
    "dataset": Dataset,
    "model": Model,
    "method": Method,
    "continuation": Continuation,
    "optimizer": Optimizer,
    "lr_schedule": LRSchedule,
    "logger": Logger,
}
"""Group -> base of its choices."""


def choices_of(group: str, trees: Trees = ()) -> list[str]:
    """Return the names of a group's choices, sorted."""
    return sorted([*conf_files.choices_of(group), *(name for tree in trees for name in tree.choices(group))])


def option_class(group: str, name: str, trees: Trees = ()) -> type[Options]:
    """Return the option class of one choice of a group.

    Raises:
        KeyError: If there is no such choice.
    """
    for tree in trees:
        if group in ROOMS and name in tree.choices(group):
            return _included_class(tree.key, group, name)
    return options.option_class(group, name)


def conf_text(file: str, trees: Trees = ()) -> str:
    """Return the text of a file of ``conf/``, named by its path from there."""
    for tree in trees:
        if f"conf/{file}" in tree.files:
            return tree.text(f"conf/{file}")
    return (conf_files.conf_dir() / file).read_text(encoding="utf-8")


def check_names(trees: Trees) -> None:
    """Check that no name is offered twice, and none is that of a built-in choice.

    Raises:
        InputError: If one is; names both places.
    """
    places: dict[tuple[str, str], str] = {
        (group, name): f"homotopy_bench/conf/{group}/{name}.yaml"
        for group in (*ROOMS, *SETTINGS)
        for name in conf_files.choices_of(group)
    }
    for tree in trees:
        for group, name in tree.offers():
            place = tree.place(yaml_of(group, name))
            if (group, name) in places:
                accepted = f"{group}={name} is also in {places[group, name]}; accepted: another name"
                raise InputError("include", place, accepted)
            places[group, name] = place


def check_choices(trees: Trees) -> None:
    """Check every choice of trees: its class, and the keys of its YAML file. Their Python files are run.

    Raises:
        InputError: At the first that is wrong; names the file.
    """
    for tree in trees:
        for group in ROOMS:
            for name in tree.choices(group):
                _check_yaml(tree, group, name, _included_class(tree.key, group, name))


@cache
def _included_class(key: str, group: str, name: str) -> type[Options]:
    """Return the option class of a choice of the tree of a key: one class in a process, however often it is read.

    Raises:
        InputError: If its file has none.
    """
    (tree,), path, base = trees_of([key]), python_of(group, name), BASES[group]
    if group == "model" and (maker := maker_of(tree, name)) is not None:
        return function_model(key, maker, name)
    module = import_from(tree, path, torch_free=True)
    found = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__]
    named = [one for one in found if issubclass(one, Options) and options.name_of(one) == name]
    for kind in named:
        if issubclass(kind, base):
            return kind
    wanted = f"accepted: a {base.__name__} of {base.__module__} with the field name: Literal['{name}'] = '{name}'"
    if named:
        raise InputError("include", tree.place(path), f"{named[0].__name__} is no {base.__name__}; {wanted}")
    names = [str(options.name_of(one)) for one in found if issubclass(one, base) and one is not base]
    other = f"its class is named {names[0]!r}" if names else f"defines no {base.__name__} of this name"
    raise InputError("include", tree.place(path), f"{other}; {wanted}")


def _check_yaml(tree: Tree, group: str, name: str, kind: type[Options]) -> None:
    file = yaml_of(group, name)
    content: Any = yaml.safe_load(tree.text(file))
    if not isinstance(content, dict):
        raise InputError("include", tree.place(file), f"it holds no KEY: VALUE; accepted: name: {name} and its keys")
    own = content.get(name if group == "logger" else group)
    section = own if isinstance(own, dict) else {key: content[key] for key in content if key != "defaults"}
    known = [field.alias or key for key, field in kind.model_fields.items()]
    for key in section:
        if key not in known:
            hint = nearest(str(key), known) or f"; known: {', '.join(known)}"
            raise InputError("include", f"{tree.place(file)}:{_line(tree, file, str(key))}", f"no key '{key}'{hint}")
    if group != "logger" and section.get("name") != name:
        raise InputError("include", tree.place(file), f"has name: {section.get('name')}; accepted: name: {name}")


def _line(tree: Tree, file: str, key: str) -> int:
    lines = tree.text(file).splitlines()
    return next((n for n, line in enumerate(lines, 1) if re.match(rf"\s*{re.escape(key)}\s*:", line)), 1)


def used_keys(sections: Sequence[object]) -> tuple[str, ...]:
    """Return the keys of the trees that the classes of sections come from, sorted."""
    return tuple(sorted({key for one in sections if (key := key_of(type(one))) is not None}))
