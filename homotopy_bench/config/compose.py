"""Compose a typed configuration from ``conf/`` and overrides, as the command line does."""

from __future__ import annotations

import os
from pathlib import Path

from homotopy_bench.config.mapping import compose_raw
from homotopy_bench.config.override_errors import override_error
from homotopy_bench.config.schema import Config
from homotopy_bench.config.validation import validate
from homotopy_bench.core.conf_files import choices_of, conf_dir
from homotopy_bench.core.errors import InputError

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
    """Return what :func:`experiment_file` changed as it is typed in the working directory, for messages.

    A file is named relative to the directory or from the root, whichever is shorter.
    """
    if not override.startswith(EXPERIMENT):
        return override
    names = []
    for name in override.removeprefix(EXPERIMENT).split(","):
        if name.startswith(os.pardir) and name.endswith(".yaml"):
            file = os.path.normpath(conf_dir() / "experiment" / name)
            name = min(os.path.relpath(file), file, key=len)
        names.append(name)
    return f"{EXPERIMENT}{','.join(names)}"


def compose(*overrides: str) -> Config:
    """Return the typed configuration that the command line would compose.

    Args:
        *overrides: Hydra overrides, such as ``"method=baseline"``, ``"training.epochs=2"`` or
            ``"experiment=FILE.yaml"``.

    Raises:
        InputError: At the first override that cannot be used; it names the key, the value and what is accepted.

    Example:
        >>> compose("method=baseline", "seed=7").continuation.name
        'constant'
    """
    try:
        raw = compose_raw([experiment_file(override) for override in overrides])
    except Exception as error:
        worded = override_error(error, overrides)
        if worded is None:
            raise
        raise worded from error
    return validate(raw)
