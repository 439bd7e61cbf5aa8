"""Check a YAML file of settings before Hydra reads it, which would word its errors for programmers.

A file of a few lines can stand for more than a machine holds: an alias repeats what it names, also other aliases.
"""

from __future__ import annotations

import io
from pathlib import Path

import yaml

from homotopy_bench.core.errors import InputError

LARGEST = 100_000
"""Largest number of values of a file, after every alias is replaced by what it names."""

PACKAGE = "# @package _global_"
"""Line without which Hydra puts the keys of a file below its group, where those of an experiment do not belong."""

_TAG = "tag:yaml.org,2002:"
_PLAIN = {_TAG + name for name in ("null", "bool", "int", "float", "str", "seq", "map", "merge", "timestamp")}
"""Tags that values get from the way they are written; ``timestamp`` is a text to OmegaConf."""


def check_setting(group: str, path: Path) -> None:
    """Check that a file holds settings as Hydra reads them.

    Args:
        group: The group that it is a choice of, for messages.
        path: The file.

    Raises:
        InputError: If it cannot be read, is no YAML in UTF-8, or holds other things than settings.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(group, path, f"byte {error.start} is no UTF-8; accepted: a YAML file in UTF-8") from error
    except OSError as error:
        raise InputError(group, path, f"{error.strerror}; accepted: a YAML file that can be read") from error
    check_text(group, path, text, group)


def check_text(key: str, place: object, text: str, group: str) -> None:
    """Check that a text holds settings as Hydra reads them.

    Args:
        key: The argument that it belongs to, for messages.
        place: The file that it stands in, for messages.
        text: The text.
        group: The group that it is a choice of.

    Raises:
        InputError: If it is no YAML, or holds other things than settings.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            return
        _check_nodes(root)
        _check_layout(root, text, group)
        _construct(text)
    except yaml.YAMLError as error:
        raise InputError(key, place, f"{_said(error)}; accepted: a YAML file") from error
    except RecursionError as error:
        raise InputError(key, place, "it is nested too deeply; accepted: a YAML file with settings") from error
    except ValueError as error:
        raise InputError(key, place, f"{error}; accepted: a YAML file with settings") from error


def _said(error: yaml.YAMLError) -> str:
    """Return what YAML says of a text, and where.

    Example:
        >>> try:
        ...     yaml.safe_load("seed: [1")
        ... except yaml.YAMLError as error:
        ...     _said(error)
        "line 1, column 9: expected ',' or ']', but got '<stream end>'"
    """
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return where + " ".join(str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).split())


def _check_nodes(root: yaml.Node) -> None:
    """Refuse tags, keys that are no texts, aliases inside of what they name, and more values than any setting has.

    Raises:
        ValueError: If there is one of these.
    """
    sizes: dict[int, int] = {}
    open_: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in open_:
            raise ValueError(f"{_line(node)} holds an alias of itself")
        if id(node) in sizes:
            return sizes[id(node)]
        if node.tag not in _PLAIN:
            raise ValueError(f"{_line(node)} has the tag {node.tag.replace(_TAG, '!!')}, and values have none")
        open_.add(id(node))
        total = 1
        if isinstance(node, yaml.SequenceNode):
            total += sum(map(size, node.value))
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.tag not in (f"{_TAG}str", f"{_TAG}merge"):
                    written = repr(key.value) if isinstance(key, yaml.ScalarNode) else "that is a list or a mapping"
                    raise ValueError(f"{_line(key)} has a key {written}, and keys are texts")
                total += size(value)
        open_.discard(id(node))
        sizes[id(node)] = total
        if total > LARGEST:
            raise ValueError(f"its aliases stand for more than {LARGEST} values")
        return total

    size(root)


def _check_layout(root: yaml.Node, text: str, group: str) -> None:
    """Refuse what is no mapping, a list of defaults that is none, and keys of an experiment below its group.

    Raises:
        ValueError: If it is one of these.
    """
    if not isinstance(root, yaml.MappingNode):
        raise ValueError("it holds no KEY: VALUE")
    keys = {key.value: value for key, value in root.value}
    if not isinstance(keys.get("defaults", yaml.SequenceNode("", [])), yaml.SequenceNode):
        raise ValueError("its defaults are no list")
    below = group == "experiment" and set(keys) - {"defaults"}
    if below and not any(line.lstrip("# ").startswith("@package") for line in text.splitlines()):
        raise ValueError(f"the line '{PACKAGE}' is missing at its top")


def _construct(text: str) -> None:
    """Read the values as Hydra does.

    Raises:
        ValueError: If OmegaConf cannot hold them.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        OmegaConf.load(io.StringIO(text))
    except OmegaConfBaseException as error:
        raise ValueError(str(error).partition("\n")[0]) from error


def _line(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}"
