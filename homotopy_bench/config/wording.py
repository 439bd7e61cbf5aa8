"""Put into words what an option accepts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from homotopy_bench.core.options import Options

_TYPES = {
    "integer": "an integer",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "null": "null",
    "object": "a mapping",
}
_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def accepted(kind: type[Options], field: str) -> str:
    """Return in words what a field of an option class accepts, from its own declaration.

    Example:
        >>> from homotopy_bench.config.schema import Training
        >>> accepted(Training, "clip_norm")
        'a number > 0 or null'
    """
    return " or ".join(map(_words, _alternatives(kind, field)))


def values(kind: type[Options], field: str) -> list[str]:
    """Return what a field accepts where that can be listed: names, true and false, null; nothing of numbers and texts.

    Example:
        >>> from homotopy_bench.core.options import option_class
        >>> values(option_class("model", "mlp"), "init")
        ['default', 'kaiming', 'orthogonal', 'looks_linear', 'identity', 'mean_preserving']
    """
    found: list[str] = []
    for schema in _alternatives(kind, field):
        if "enum" in schema or "const" in schema:
            found += map(str, schema.get("enum", [schema.get("const")]))
        found += {"boolean": ["true", "false"], "null": ["null"]}.get(schema.get("type", ""), [])
    return found


def _alternatives(kind: type[Options], field: str) -> list[dict[str, Any]]:
    schema = _properties(kind)[field]
    alternatives: list[dict[str, Any]] = schema.get("anyOf", [schema])
    return alternatives


@cache
def _properties(kind: type[Options]) -> dict[str, Any]:
    properties: dict[str, Any] = kind.model_json_schema()["properties"]
    return properties


def _words(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(map(_words, schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return ", ".join(str(choice) for choice in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"a list, each entry {_words(schema['items'])}"
    bounds = [f"{symbol} {schema[bound]:.15g}" for bound, symbol in _BOUNDS.items() if bound in schema]
    if "multipleOf" in schema:
        bounds.append(f"a multiple of {schema['multipleOf']}")
    if schema.get("minLength"):
        bounds.append("that is not empty")
    return " ".join([_TYPES[schema["type"]], " and ".join(bounds)]).strip()
