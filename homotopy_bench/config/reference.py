"""Describe every group, choice and key: the one source of ``--help``, of completion and of the page in the docs.

Types and ranges are those of the typed options, defaults those of ``conf/``, descriptions the comments in ``conf/`` and
the docstrings of the options. The descriptions are Markdown.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from homotopy_bench.config.choices import Trees, choices_of, conf_text, option_class
from homotopy_bench.config.schema import Paths, Training
from homotopy_bench.config.validation import SEEDS
from homotopy_bench.config.wording import accepted, values
from homotopy_bench.core.included.modules import key_of
from homotopy_bench.core.options import Options

ABOUT = {
    "dataset": "The data, and the splits for training, selection and reporting.",
    "model": "The architecture of the target network.",
    "method": "What t does to the network or to the objective. A method also picks a continuation, an optimiser and a "
    "learning-rate schedule, each of which can be overridden.",
    "continuation": "The path parameter t as a function of training progress u in [0, 1].",
    "optimizer": "The update rule, that of `torch.optim`.",
    "lr_schedule": "The learning rate as a function of training progress u in [0, 1], or of the measured curvature.",
    "hardware": "The device, its threads and the number format.",
    "logger": "Trackers beside the record. `logger=[wandb,tensorboard]` chooses several.",
    "landscape": "When a run measures the landscape around its network.",
}
"""What each group decides, in the order of the help and of the page."""


@dataclass(frozen=True)
class Key:
    """Describe one key.

    Attributes:
        name: As the command line has it.
        accepted: Type and range in words.
        default: The value that ``conf/`` gives, as the command line takes it.
        per_member: Whether the members of one ensemble may differ in it.
        description: A line.
        values: What is accepted, where that can be listed.
    """

    name: str
    accepted: str
    default: str
    per_member: bool
    description: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """Describe one choice of a group; ``overrides`` are the choices of other groups that come with it."""

    group: str
    name: str
    description: str
    overrides: tuple[str, ...]
    keys: tuple[Key, ...]


def run_keys() -> list[Key]:
    """Return the keys that belong to no group: the seed, and those of training."""
    comments, composed = comments_of("config.yaml"), read_conf("config.yaml")
    seed = Key("seed", SEEDS, written(composed["seed"]), True, comments["seed"])
    return [seed, *option_keys(Training, "training", composed["training"], comments)]


def default_choices() -> dict[str, str]:
    """Return group -> the choice of a command line without arguments.

    Example:
        >>> default_choices()["continuation"]
        'linear'
    """
    entries = [
        item for entry in read_conf("config.yaml")["defaults"] if isinstance(entry, dict) for item in entry.items()
    ]
    chosen = {key.removeprefix("override "): value for key, value in entries if value}
    overrides = choice("method", chosen["method"]).overrides
    return {**chosen, **dict(override.split("=") for override in overrides)}


def path_keys() -> list[Key]:
    """Return the keys of ``paths``."""
    file = "paths/default.yaml"
    return option_keys(Paths, "paths", read_conf(file), comments_of(file))


def choices(group: str, trees: Trees = ()) -> list[Choice]:
    """Return the choices of a group of :data:`ABOUT`, sorted by name."""
    return [choice(group, name, trees) for name in choices_of(group, trees)]


@cache
def choice(group: str, name: str, trees: Trees = ()) -> Choice:
    """Return one choice of a group of :data:`ABOUT`.

    Example:
        >>> choice("method", "identity_homotopy").keys[0].accepted
        'linear, residual, circular, fading, preactivation'
    """
    kind, file = option_class(group, name, trees), f"{group}/{name}.yaml"
    content = read_conf(file, trees)
    entries = [item for entry in content.get("defaults", []) if isinstance(entry, dict) for item in entry.items()]
    overrides = [f"{key.removeprefix('override /')}={value}" for key, value in entries if key.startswith("override ")]
    section = content.get(name if group == "logger" else group, content)
    # A tracker's key may repeat one beside it, as logger.wandb.mode does.
    defaults = {
        key: content.get(key, value) if value == f"${{{group}.{key}}}" else value for key, value in section.items()
    }
    prefix = f"{group}.{name}" if group == "logger" else group
    keys = option_keys(kind, prefix, defaults, comments_of(file, trees))
    return Choice(group, name, first_paragraph(kind), tuple(overrides), tuple(keys))


def option_keys(
    kind: type[Options], prefix: str, defaults: Mapping[str, Any], comments: Mapping[str, str]
) -> list[Key]:
    """Return every key of an option class.

    Args:
        kind: The class.
        prefix: What stands before each key on the command line.
        defaults: Values that ``conf/`` gives to keys; the others have the defaults of the class.
        comments: Descriptions from ``conf/``; the others are taken from the docstring of the class.

    Returns:
        The keys in the order of the class, without ``name``.

    Raises:
        ValueError: If a key is described nowhere.
    """
    found = []
    for attribute, field in kind.model_fields.items():
        name = field.alias or attribute
        if attribute == "name" or name == "_target_":
            continue
        default = defaults[name] if name in defaults else field.get_default(call_default_factory=True)
        part = kind.parts.get(name)
        description = comments.get(name) or _sentence(kind, name)
        if not description and key_of(kind) is None:
            raise ValueError(f"{prefix}.{name}: described neither in conf/ nor in a docstring")
        words = f"a choice of the group `{part}`" if part else accepted(kind, name)
        listed = () if part else tuple(values(kind, name))
        found.append(
            Key(f"{prefix}.{name}", words, written(default), attribute in kind.per_member(), description, listed)
        )
    return found


def written(value: object) -> str:
    """Return a value as the command line takes it."""
    if isinstance(value, Options):
        return str(value.model_dump()["name"])
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def read_conf(file: str, trees: Trees = ()) -> dict[str, Any]:
    """Return the content of a file of ``conf/``, nothing composed."""
    content = yaml.load(conf_text(file, trees), _LOADER)
    return content or {}


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The fast one, where PyYAML has been built with it: the help reads all of ``conf/``."""


def comments_of(file: str, trees: Trees = ()) -> dict[str, str]:
    """Return key -> the comment behind it, in a file of ``conf/``."""
    lines = conf_text(file, trees).splitlines()
    found = [re.match(r"\s*([\w.]+):.*?\s# ?(.*)$", line) for line in lines]
    return {match[1]: _described(match[2]) for match in found if match}


def heading(file: str, trees: Trees = ()) -> str:
    """Return the comment at the head of a file of ``conf/``, in one line."""
    taken = []
    for line in conf_text(file, trees).splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            taken.append(line.lstrip("# "))
    return re.sub(r"\s*See docs/\S+\.md\.$", "", " ".join(taken))


def first_sentence(text: str) -> str:
    """Return the first sentence, or what stands before its colon."""
    return re.split(r"(?<=[.:])\s(?=[A-Z]|$)", text)[0].rstrip(":")


def first_paragraph(kind: type) -> str:
    """Return the first paragraph of the docstring of a class."""
    return markdown((inspect.getdoc(kind) or "").split("\n\n")[0])


def markdown(text: str) -> str:
    """Return Markdown for the markup of docstrings."""
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", " ".join(text.split()))
    return text.replace("``", "`")


def _sentence(kind: type[Options], name: str) -> str:
    """Return the first sentence about a key in the docstrings of a class and its bases."""
    for base in kind.__mro__:
        for sentence in re.split(r"(?<=\.)\s+|(?<=:)\n+|\n\n", inspect.cleandoc(base.__doc__ or "")):
            if f"``{name}``" in sentence:
                return markdown(sentence)
    return ""


def _described(comment: str) -> str:
    """Return a description of a comment: choices without a word of their own stand in the column beside it."""
    head, _, listed = comment.partition(": ")
    if re.fullmatch(r"\w+( \| \w+)+", listed):
        comment = head
    elif " | " in comment:
        comment = comment.replace(" | ", "; ")
        return comment if " | " in head else comment[:1].upper() + comment[1:]
    # A value of the key, or a name of something else, stays as it is written.
    if re.match(r"(cap|kappa|lr|t)\b|[a-z]+[._=-]", comment):
        return comment
    return comment[:1].upper() + comment[1:]
