"""Compose a typed configuration from ``conf/`` and overrides, as the command line does."""

from __future__ import annotations

import os
from pathlib import Path

from homotopy_bench.config.mapping import compose_raw
from homotopy_bench.config.override_errors import override_error
from homotopy_bench.config.schema import Config
from homotopy_bench.config.setting_file import check_setting
from homotopy_bench.config.validation import validate
from homotopy_bench.core.conf_files import choices_of, conf_dir
from homotopy_bench.core.errors import InputError


def experiment_file(argument: str) -> str:
    """Return an argument in which files of experiments are named as Hydra finds them: from the group's folder.

    Args:
        argument: Any argument of the command line; ``experiment=FILE.yaml`` is changed, also with several files.

    Raises:
        InputError: If there is no such file.
    """
    group = conf_dir() / "experiment"
    if not (argument.startswith("experiment=") and argument.endswith(".yaml")):
        return argument
    names = []
    for name in argument.removeprefix("experiment=").split(","):
        if name.endswith(".yaml") and (Path(name).is_absolute() or not (group / name).is_file()):
            if not Path(name).is_file():
                choices = ", ".join(choices_of("experiment"))
                accepted = f"no such file; accepted: a YAML file, such as the best.yaml of a study, or {choices}"
                raise InputError("experiment", name, accepted)
            check_setting("experiment", Path(name))
            name = os.path.relpath(name, group)
        names.append(name)
    return f"experiment={','.join(names)}"


def compose(*overrides: str) -> Config:
    """Return the typed configuration that the command line would compose.

    Args:
        *overrides: Hydra overrides, such as ``"method=baseline"`` or ``"training.epochs=2"``.

    Raises:
        InputError: At the first override that cannot be used; it names the key, the value and what is accepted.

    Example:
        >>> compose("method=baseline", "seed=7").continuation.name
        'constant'
    """
    try:
        raw = compose_raw(overrides)
    except Exception as error:
        worded = override_error(error, overrides)
        if worded is None:
            raise
        raise worded from error
    return validate(raw)
