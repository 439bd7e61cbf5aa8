"""Compose a configuration from ``conf/`` and overrides with Hydra, as the command line does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homotopy_bench.config.schema import Config
from homotopy_bench.config.validation import validate
from homotopy_bench.core.conf_files import choices_of, conf_dir
from homotopy_bench.core.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig

VERSION_BASE = "1.3"
"""Version of Hydra whose defaults hold."""


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
            name = os.path.relpath(name, group)
        names.append(name)
    return f"experiment={','.join(names)}"


def compose(*overrides: str) -> Config:
    """Return the typed configuration that the command line would compose.

    Args:
        *overrides: Hydra overrides, such as ``"method=baseline"`` or ``"training.epochs=2"``.

    Example:
        >>> compose("method=baseline", "seed=7").continuation.name
        'constant'
    """
    return validate(compose_raw(overrides))


def compose_raw(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the nested mapping that Hydra composes for :func:`validate`, with every interpolation resolved."""
    return _resolved(compose_as_written(overrides))


def compose_as_written(overrides: Sequence[str]) -> DictConfig:
    """Return the same with interpolations as they are written, without Hydra's own section."""
    return _composed(overrides, hydra=False)


def compose_run(overrides: Sequence[str]) -> tuple[dict[str, Any], Path]:
    """Return what :func:`compose_raw` does, and ``hydra.run.dir``, the folder that Hydra makes for a single run."""
    from omegaconf import open_dict

    composed = _composed(overrides, hydra=True)
    folder = Path(composed.hydra.run.dir)
    with open_dict(composed):
        del composed["hydra"]
    return _resolved(composed), folder


def _resolved(composed: DictConfig) -> dict[str, Any]:
    from omegaconf import OmegaConf

    raw = OmegaConf.to_container(composed, resolve=True)
    assert isinstance(raw, dict)
    return {str(key): value for key, value in raw.items()}


def _composed(overrides: Sequence[str], *, hydra: bool) -> DictConfig:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    with initialize_config_dir(version_base=VERSION_BASE, config_dir=str(conf_dir())):
        return hydra_compose("config", overrides=list(overrides), return_hydra_config=hydra)


def known_keys(choices: Sequence[str] = ()) -> Iterator[str]:
    """Yield every dotted key of a configuration.

    Args:
        choices: Overrides that choose options of groups, on which the keys depend.

    Yields:
        Keys such as ``training.epochs``.
    """
    for section, value in compose_raw(choices).items():
        if isinstance(value, dict):
            yield from (f"{section}.{key}" for key in value)
        else:
            yield section
