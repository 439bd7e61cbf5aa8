"""Put into words what an option accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homotopy_bench.core.options import Options

_TYPES = {
    "integer": "an integer",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "null": "null",
}
_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def accepted(kind: type[Options], field: str) -> str:
    """Return in words what a field of an option class accepts, from its own declaration.

    Example:
        >>> from homotopy_bench.config.schema import Training
        >>> accepted(Training, "clip_norm")
        'a number > 0 or null'
    """
    schema = kind.model_json_schema()["properties"][field]
    return " or ".join(_words(option) for option in schema.get("anyOf", [schema]))


def _words(schema: Mapping[str, Any]) -> str:
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
