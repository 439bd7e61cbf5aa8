"""The typed configuration: names, types, ranges and combinations, checked before torch is loaded.

Hydra composes a nested mapping from ``conf/`` and the command line; :func:`validate` turns it into a :class:`Config`
or raises an :class:`~homotopy_bench.errors.InputError` that names the key, the value and what is accepted.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from homotopy_bench.accepted import accepted
from homotopy_bench.continuation.base import Continuation
from homotopy_bench.data.base import Dataset
from homotopy_bench.errors import InputError, nearest
from homotopy_bench.hardware.base import Hardware
from homotopy_bench.methods.base import Method
from homotopy_bench.models.base import Model
from homotopy_bench.optim.base import Optimizer
from homotopy_bench.optim.lr_schedules.base import LRSchedule
from homotopy_bench.options import PER_MEMBER, Options, option_class
from homotopy_bench.program import Program
from homotopy_bench.tracking.loggers.base import Logger, Loggers
from homotopy_bench.tracking.secrets import refuse_credentials_in

if TYPE_CHECKING:
    from omegaconf import DictConfig


class Training(Options):
    """The loop: ``epochs`` passes in batches of ``batch_size``, gradients of a member clipped to ``clip_norm``.

    ``l1`` sum |w| + ``l2`` sum w^2 over the weights w (not the biases) is added to the objective, and the share
    ``label_smoothing`` of every label is spread over all classes; evaluations do without. ``eval_every`` and
    ``checkpoint_every`` are in epochs; the last epoch is always evaluated.
    """

    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    clip_norm: Annotated[Annotated[float, Field(gt=0.0)] | None, PER_MEMBER]
    l1: Annotated[float, Field(ge=0.0), PER_MEMBER] = 0.0
    l2: Annotated[float, Field(ge=0.0), PER_MEMBER] = 0.0
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0), PER_MEMBER] = 0.0
    eval_every: Annotated[int, Field(ge=1)]
    checkpoint_every: Annotated[int, Field(ge=1)]


class Paths(Options):
    """Folders: ``data`` holds the data sets (null: the user's cache folder), ``outputs`` the records."""

    data: str | None
    outputs: Annotated[str, Field(min_length=1)]

    def data_root(self) -> Path:
        """Return the data folder."""
        if self.data is not None:
            return Path(self.data).expanduser()
        import platformdirs

        return Path(platformdirs.user_cache_dir("homotopy-bench"))


@dataclass(frozen=True)
class Config:
    """One run, completely described."""

    seed: int
    dataset: Dataset
    model: Model
    method: Method
    continuation: Continuation
    optimizer: Optimizer
    lr_schedule: LRSchedule
    training: Training
    hardware: Hardware
    logger: Loggers
    paths: Paths

    def to_dict(self) -> dict[str, Any]:
        """Return the nested mapping that :func:`validate` turns into an equal configuration."""
        sections = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: section.model_dump(mode="json") if isinstance(section, Options) else section
            for name, section in sections.items()
        }

    def hash(self) -> str:
        """Return 12 hexadecimal digits that name everything a result depends on; folders do not count."""
        content = {key: value for key, value in self.to_dict().items() if key not in ("paths", "logger")}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def program(self) -> Program:
        """Return what this run must agree in with others to train as one ensemble with them.

        Configurations of equal programs can; those without a path (``method=baseline``) join others too, as
        :mod:`homotopy_bench.program` says. The keys in which members may differ are declared where they are defined
        (:data:`~homotopy_bench.options.PER_MEMBER`). The seed is every member's own; folders and loggers do not count.

        Example:
            >>> one, other = compose("seed=1", "optimizer.lr=0.1"), compose("seed=2", "continuation=cosine")
            >>> one.program() == other.program(), one.program() == compose("model.width=8").program()
            (True, False)
        """
        groups = ("dataset", "model", "optimizer", "lr_schedule", "continuation", "training", "hardware")
        shared = [(f"{group}.{key}", value) for group in groups for key, value in getattr(self, group).program()]
        method = tuple((f"method.{key}", value) for key, value in self.method.program())
        if self.method.has_own_parameters:
            shared += method
        return Program(tuple(shared), method if self.method.deforms else None)


VERSION_BASE = "1.3"
"""Version of Hydra whose defaults hold."""

MAX_SEED = 2**63 - 1


def validate(raw: Mapping[str, Any]) -> Config:
    """Check a composed configuration.

    Args:
        raw: Nested mapping with the keys of :class:`Config`.

    Returns:
        The typed configuration.

    Raises:
        InputError: At the first key that is unknown, missing, of the wrong type, out of range, or does not go with
            another.
    """
    names = [field.name for field in fields(Config)]
    for key in raw:
        if key not in names:
            raise InputError(
                str(key), raw[key], f"no such key; {nearest(str(key), names) or 'known: ' + ', '.join(names)}"
            )
    for name in names:
        if name not in raw:
            raise InputError(name, "(missing)", "this key must be given")
    seed = raw["seed"]
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= MAX_SEED:
        raise InputError("seed", _as_written(seed), f"accepted: an integer from 0 to {MAX_SEED}")
    sections = {name: _section(name, name, raw[name]) for name in names if name not in ("seed", "logger")}
    sections["logger"] = _loggers(raw["logger"])
    config = Config(seed=seed, **sections)
    _check_combinations(config)
    return config


_PLAIN: dict[str, type[Options]] = {"training": Training, "paths": Paths}
"""Sections that are no group with choices."""


def _section(key: str, group: str, raw: object) -> Any:
    """Return the options under a key, which are a choice of a group.

    Raises:
        InputError: At the first thing that is wrong with them.
    """
    if not isinstance(raw, Mapping):
        raise InputError(key, raw, f"accepted: a choice of the group '{group}' with its options")
    kind: type[Options] = _PLAIN[group] if group in _PLAIN else _choice(key, group, raw)
    options = dict(raw)
    for part, of_group in kind.parts.items():
        if part in options:
            options[part] = _section(f"{key}.{part}", of_group, options[part])
    return checked(key, kind, options)


def _loggers(raw: object) -> Loggers:
    """Return the trackers, of which there can be any number, each with its options under its name.

    Raises:
        InputError: At the first thing that is wrong with them.
    """
    if not isinstance(raw, Mapping):
        raise InputError("logger", _as_written(raw), f"accepted: {', '.join(choices_of('logger'))}, or a list of them")
    if raw == {"name": "none"}:  # records that are older than the trackers
        return Loggers()
    refuse_credentials_in(raw)
    named = {name: {"name": name, **options} for name, options in raw.items() if isinstance(options, Mapping)}
    choices = [_section(f"logger.{name}", "logger", options) for name, options in named.items()]
    loggers = Loggers(chosen=tuple(choice for choice in choices if isinstance(choice, Logger)))
    for key in raw:
        if key not in named and not any(key in logger.short for logger in loggers.chosen):
            raise InputError(f"logger.{key}", _as_written(raw[key]), "no such key of the chosen loggers")
    return loggers


Kind = TypeVar("Kind", bound=Options)


def checked(key: str, kind: type[Kind], options: Mapping[str, Any]) -> Kind:
    """Return typed options.

    Args:
        key: Where they stand in the configuration, for messages.
        kind: Their class.
        options: What was written.

    Returns:
        The options.

    Raises:
        InputError: At the first thing that is wrong with them.
    """
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        explained = _explain(key, kind, error)
        raise explained from error


def _choice(key: str, group: str, raw: Mapping[str, Any]) -> type[Options]:
    choice = raw.get("name")
    try:
        return option_class(group, str(choice))
    except KeyError:
        choices = choices_of(group)
        accepted = f"accepted: {', '.join(choices)}; {nearest(str(choice), choices)}"
        raise InputError(f"{key}.name", choice, accepted.rstrip("; ")) from None


def _explain(section: str, kind: type[Options], error: ValidationError) -> InputError:
    """Return the first of pydantic's complaints as key, value and what is accepted."""
    first = error.errors(include_url=False)[0]
    known = list(kind.model_fields)
    key = ".".join([section, *(str(part) for part in first["loc"][:1])])
    if first["type"] == "extra_forbidden":
        hint = nearest(str(first["loc"][0]), known)
        return InputError(key, first["input"], f"no such key; {hint or 'known: ' + ', '.join(known)}")
    if first["type"] == "missing":
        return InputError(key, "(missing)", "this key must be given")
    if first["type"] == "value_error" and first["loc"]:
        value = first["input"]
        written = getattr(value, "name", None) if isinstance(value, Options) else _as_written(value)
        return InputError(key, written, str(first["ctx"]["error"]))
    if first["type"] == "value_error":
        return InputError(section, dict(first["input"]).get("name", section), str(first["ctx"]["error"]))
    return InputError(key, _as_written(first["input"]), f"accepted: {accepted(kind, str(first['loc'][0]))}")


def _as_written(value: object) -> str:
    """Return a value as the command line has it: with quotes where a text would otherwise read as a number."""
    if isinstance(value, str):
        # Of such texts, only those that YAML takes for something else need their quotes to be told apart.
        return value if isinstance(_read(value), str) else repr(value)
    return str(value) if not isinstance(value, bool | None) else {True: "true", False: "false", None: "null"}[value]


def _read(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text) if text else text
    except yaml.YAMLError:
        return text


def _check_combinations(config: Config) -> None:
    if not config.method.deforms and config.continuation.name != "constant":
        accepted = f"method={config.method.name} has nothing to deform; accepted: constant"
        raise InputError("continuation", config.continuation.name, accepted)
    if config.continuation.name == "levels" and not config.method.level_epochs():
        others = ", ".join(name for name in choices_of("continuation") if name != "levels")
        accepted = f"method={config.method.name} has no levels; accepted: {others}"
        raise InputError("continuation", "levels", accepted)
    config.method.check(config)
    config.lr_schedule.goes_with(config)
    config.optimizer.check(config)


def conf_dir() -> Path:
    """Return the folder with the configuration groups: inside an installed package, or at the top of a checkout."""
    inside = Path(__file__).parent / "conf"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "conf"


def choices_of(group: str) -> list[str]:
    """Return the names of a group's choices, sorted."""
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


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
    """Compose a configuration as the command line does.

    Args:
        *overrides: Hydra overrides, such as ``"method=baseline"`` or ``"training.epochs=2"``.

    Returns:
        The typed configuration.

    Example:
        >>> compose("method=baseline", "seed=7").continuation.name
        'constant'
    """
    return validate(compose_raw(overrides))


def compose_raw(overrides: Sequence[str]) -> dict[str, Any]:
    """Compose the nested mapping that :func:`validate` checks, with every interpolation resolved.

    Args:
        overrides: Hydra overrides.

    Returns:
        Plain dictionaries, lists and scalars.
    """
    from omegaconf import OmegaConf

    raw = OmegaConf.to_container(compose_as_written(overrides), resolve=True)
    assert isinstance(raw, dict)
    return {str(key): value for key, value in raw.items()}


def compose_as_written(overrides: Sequence[str]) -> DictConfig:
    """Compose the same with interpolations as they are written, as Hydra keeps it in its files.

    Args:
        overrides: Hydra overrides.

    Returns:
        What Hydra composes, without its own section.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    with initialize_config_dir(version_base=VERSION_BASE, config_dir=str(conf_dir())):
        return hydra_compose("config", overrides=list(overrides))


def run_folder(overrides: Sequence[str]) -> Path:
    """Return the folder that Hydra makes for a single run.

    Args:
        overrides: Hydra overrides.

    Returns:
        ``hydra.run.dir`` with every interpolation resolved.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    with initialize_config_dir(version_base=VERSION_BASE, config_dir=str(conf_dir())):
        return Path(hydra_compose("config", overrides=list(overrides), return_hydra_config=True).hydra.run.dir)


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
