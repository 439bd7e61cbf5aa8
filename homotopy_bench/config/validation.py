"""Turn a nested mapping into a typed configuration, or name the first key that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from pydantic import ValidationError

from homotopy_bench.config.choices import Trees, choices_of, option_class, used_keys
from homotopy_bench.config.schema import Config, Paths, Training
from homotopy_bench.config.wording import accepted
from homotopy_bench.core.errors import InputError, nearest
from homotopy_bench.core.included.modules import trees_of
from homotopy_bench.core.options import Options
from homotopy_bench.loggers.base import Logger, Loggers
from homotopy_bench.models.base import Model

MAX_SEED = 2**63 - 1

SEEDS = f"an integer from 0 to {MAX_SEED}"
"""What ``seed`` accepts."""


def validate(raw: Mapping[str, Any]) -> Config:
    """Check a composed configuration.

    Args:
        raw: Nested mapping with the keys of :class:`Config`. The trees that it includes must be at hand.

    Returns:
        The typed configuration.

    Raises:
        InputError: At the first key that is unknown, missing, of the wrong type, out of range, or does not go with
            another.
    """
    names = [field.name for field in fields(Config)]
    for key in raw:
        if key not in names:
            hint = nearest(str(key), names) or f"; known: {', '.join(names)}"
            raise InputError(str(key), raw[key], f"no such key{hint}")
    raw = {**NEWER, **raw}
    trees = _trees(raw["include"])
    names.remove("include")
    for name in names:
        if name not in raw:
            raise InputError(name, "(missing)", "this key must be given")
    seed = raw["seed"]
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= MAX_SEED:
        raise InputError("seed", _as_written(seed), f"accepted: {SEEDS}")
    sections = {name: _section(name, name, raw[name], trees) for name in names if name not in ("seed", "logger")}
    sections["logger"] = _loggers(raw["logger"], trees)
    used = used_keys([*sections.values(), *sections["logger"].chosen])
    config = Config(seed=seed, **sections, include=used)
    _check_combinations(config)
    return config


NEWER: dict[str, Any] = {"landscape": {"name": "off"}, "include": []}
"""Sections that older records lack, with what they mean there."""

_PLAIN: dict[str, type[Options]] = {"training": Training, "paths": Paths}
"""Sections that are no group with choices."""


def _trees(keys: object) -> Trees:
    if not isinstance(keys, list | tuple):
        raise InputError("include", _as_written(keys), "accepted: include=FOLDER, as an argument of the command line")
    return trees_of(keys)


def _section(key: str, group: str, raw: object, trees: Trees) -> Any:
    """Return the options under a key, which are a choice of a group.

    Raises:
        InputError: At the first wrong one.
    """
    if not isinstance(raw, Mapping):
        raise InputError(key, raw, f"accepted: a choice of the group '{group}' with its options")
    kind: type[Options] = _PLAIN[group] if group in _PLAIN else _choice(key, group, raw, trees)
    options = dict(raw)
    for part, of_group in kind.parts.items():
        if part in options:
            options[part] = _section(f"{key}.{part}", of_group, options[part], trees)
    return checked(key, kind, options)


def _loggers(raw: object, trees: Trees) -> Loggers:
    """Return any number of loggers, each with its options under its name.

    Raises:
        InputError: At the first wrong option.
    """
    if not isinstance(raw, Mapping):
        raise InputError(
            "logger", _as_written(raw), f"accepted: {', '.join(choices_of('logger', trees))}, or a list of them"
        )
    if raw == {"name": "none"}:  # records that are older than the loggers
        return Loggers()
    named = {str(name): options for name, options in raw.items() if isinstance(options, Mapping)}
    choices = [
        checked(f"logger.{name}", _choice(f"logger.{name}", "logger", {"name": name}, trees), options)
        for name, options in named.items()
    ]
    loggers = Loggers(chosen=tuple(choice for choice in choices if isinstance(choice, Logger)))
    for key in raw:
        if key not in named and not any(key in logger.short for logger in loggers.chosen):
            raise InputError(f"logger.{key}", _as_written(raw[key]), "no such key of the chosen loggers")
    return loggers


def _fits(value: object) -> bool:
    return not isinstance(value, int) or abs(value) <= MAX_SEED


Kind = TypeVar("Kind", bound=Options)


def checked(key: str, kind: type[Kind], options: Mapping[str, Any]) -> Kind:
    """Return options of class ``kind``, which stand under a key of the configuration.

    Raises:
        InputError: At the first wrong one.
    """
    for name, value in options.items():
        if name in kind.model_fields and not all(map(_fits, value if isinstance(value, list) else [value])):
            raise InputError(f"{key}.{name}", value, f"accepted: {accepted(kind, name)}, of at most 64 bits")
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        explained = _explain(key, kind, error)
        raise explained from error


def _choice(key: str, group: str, raw: Mapping[str, Any], trees: Trees) -> type[Options]:
    choice = raw.get("name")
    try:
        return option_class(group, str(choice), trees)
    except KeyError:
        choices = choices_of(group, trees)
        accepted = f"accepted: {', '.join(choices)}{nearest(str(choice), choices)}"
        raise InputError(f"{key}.name", choice, accepted) from None


def _explain(section: str, kind: type[Options], error: ValidationError) -> InputError:
    """Return the first of pydantic's complaints as key, value and what is accepted."""
    first = error.errors(include_url=False)[0]
    known = [field.alias or name for name, field in kind.model_fields.items()]
    key = ".".join([section, *(str(part) for part in first["loc"][:1])])
    if first["type"] == "extra_forbidden":
        hint = nearest(str(first["loc"][0]), known) or f"; known: {', '.join(known)}"
        return InputError(key, first["input"], f"no such key{hint}")
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
        return value if isinstance(read_value(value), str) else repr(value)
    return str(value) if not isinstance(value, bool | None) else {True: "true", False: "false", None: "null"}[value]


def read_value(text: str) -> Any:
    """Return what a text means to YAML; a text that means nothing to it stays one."""
    import yaml

    try:
        return yaml.safe_load(text) if text else text
    except yaml.YAMLError:
        return text


def _check_combinations(config: Config) -> None:
    if config.dataset.objective not in config.model.objectives:
        suits = [name for name in choices_of("model") if config.dataset.objective in _model_class(name).objectives]
        goal = config.dataset.objective.replace("_", " ")
        accepted = (
            f"dataset={config.dataset.name} is for {goal}, which this model cannot learn; accepted: {', '.join(suits)}"
        )
        raise InputError("model", config.model.name, accepted)
    if config.training.batch_size == 1 and not config.model.trains_on_single_samples():
        accepted = "the model normalises over the samples of a batch; accepted: an integer >= 2, or another model.block"
        raise InputError("training.batch_size", 1, accepted)
    for value in config.training.snapshots:
        if isinstance(value, int) and value > config.training.epochs:
            accepted = f"an epoch after the last one, training.epochs={config.training.epochs}; accepted: at most that"
            raise InputError("training.snapshots", value, accepted)
    if not config.method.deforms and config.continuation.name != "constant":
        accepted = f"method={config.method.name} has nothing to deform; accepted: constant"
        raise InputError("continuation", config.continuation.name, accepted)
    if config.continuation.name == "levels" and not config.method.level_epochs():
        others = ", ".join(name for name in choices_of("continuation") if name != "levels")
        accepted = f"method={config.method.name} has no levels; accepted: {others}"
        raise InputError("continuation", "levels", accepted)
    config.method.check(config)
    config.lr_schedule.check(config)
    config.optimizer.check(config)


def _model_class(name: str) -> type[Model]:
    kind = option_class("model", name)
    assert issubclass(kind, Model)
    return kind
