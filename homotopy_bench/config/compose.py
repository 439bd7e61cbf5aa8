"""Compose a typed configuration from ``conf/`` and overrides, as the command line does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from homotopy_bench.config.choices import Trees, choices_of
from homotopy_bench.config.including import SCHEME, included, keys_in, with_trees
from homotopy_bench.config.mapping import compose_raw
from homotopy_bench.config.override_errors import override_error
from homotopy_bench.config.schema import Config
from homotopy_bench.config.validation import validate
from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.included.modules import trees_of

EXPERIMENT = "experiment="


def experiment_file(argument: str) -> str:
    """Return an argument in which files of experiments are named as Hydra finds them: from the group's folder.

    Args:
        argument: Any argument of the command line; ``experiment=FILE.yaml`` is changed, also with several files.

    Raises:
        InputError: If there is no such file.
    """
    group = conf_dir() / "experiment"
    if not (argument.startswith(EXPERIMENT) and argument.endswith(".yaml")):
        return argument
    names = []
    for name in argument.removeprefix(EXPERIMENT).split(","):
        if name.endswith(".yaml") and (Path(name).is_absolute() or not (group / name).is_file()):
            if not Path(name).is_file():
                choices = ", ".join(choices_of("experiment"))
                accepted = f"no such file; accepted: a YAML file, such as the best.yaml of a study, or {choices}"
                raise InputError("experiment", name, accepted)
            name = os.path.relpath(name, group)
        names.append(name)
    return f"{EXPERIMENT}{','.join(names)}"


def experiment_as_typed(override: str) -> str:
    """Return an override as it is typed, for messages: a file of an experiment from the working directory on.

    A file is named relative to the directory or from the root, whichever is shorter.
    """
    if keys := keys_in([override]):
        with suppress(InputError):
            return f"include={','.join(str(tree.origin) for tree in trees_of(keys))}"
        return override
    if not override.startswith(EXPERIMENT):
        return override
    names = []
    for name in override.removeprefix(EXPERIMENT).split(","):
        if name.startswith(os.pardir) and name.endswith(".yaml"):
            file = os.path.normpath(conf_dir() / "experiment" / name)
            name = min(os.path.relpath(file), file, key=len)
        names.append(name)
    return f"{EXPERIMENT}{','.join(names)}"


def arguments_as_typed(arguments: Sequence[str]) -> list[str]:
    """Return arguments as they were typed, without the search path that follows from what they include."""
    search_path = f"hydra.searchpath=[{SCHEME}://"
    return [experiment_as_typed(one) for one in arguments if not one.startswith(search_path)]


def compose(*overrides: str, include: Sequence[str | Path] = ()) -> Config:
    """Return the typed configuration that the command line would compose.

    Args:
        *overrides: Hydra overrides, such as ``"method=baseline"``, ``"training.epochs=2"`` or
            ``"experiment=FILE.yaml"``.
        include: Folders of choices, laid out as docs/extending.md says. Their Python is run.

    Raises:
        InputError: At the first override that cannot be used; it names the key, the value and what is accepted.

    Example:
        >>> compose("method=baseline", "seed=7").continuation.name
        'constant'
    """
    trees = included(include)
    return compose_with(trees, overrides)


def compose_with(trees: Trees, overrides: Sequence[str]) -> Config:
    """Return what :func:`compose` does, with choices of trees that are at hand.

    Raises:
        InputError: At the first override that cannot be used.
    """
    typed = with_trees(overrides, trees)
    try:
        raw = compose_raw([experiment_file(override) for override in typed])
    except Exception as error:
        worded = override_error(error, typed)
        if worded is None:
            raise
        raise worded from error
    return validate(raw)
