"""Lay records out as tables of pandas (extra ``[pandas]``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("dataset", "model", "method", "seed")
"""Keys of a summary that name a run in the table of evaluations."""


class Recorded(Protocol):
    """What a table takes of a run."""

    @property
    def folder(self) -> Path:
        """Where the record lies."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """The content of ``summary.json``."""

    @property
    def metrics(self) -> Sequence[Mapping[str, Any]]:
        """The lines of ``metrics.jsonl``."""


def run_table(records: Sequence[Recorded]) -> pd.DataFrame:
    """Return one row a record: ``folder``, and every key of its summary."""
    return _table([{"folder": str(record.folder), **flat(record.summary)} for record in records])


def evaluation_table(records: Sequence[Recorded]) -> pd.DataFrame:
    """Return one row an evaluation: ``folder``, the names of the run, and every key of the line."""
    return _table(
        [
            {"folder": str(record.folder), **{name: record.summary.get(name) for name in NAMES}, **flat(line)}
            for record in records
            for line in record.metrics
        ]
    )


def flat(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Return the leaves of nested mappings by their keys, joined by dots; a mapping without any has no entry.

    Example:
        >>> flat({"seed": 3, "final": {"t": 1.0, "parts": {"a": [1, 2]}}, "data": [], "landscape": {}})
        {'seed': 3, 'final.t': 1.0, 'final.parts.a': [1, 2], 'data': []}
    """
    return dict(_leaves(nested, ""))


def _leaves(nested: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a table of all keys, in the order in which they are first seen.

    Raises:
        ModuleNotFoundError: Without pandas.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        hint = "pandas is not installed; pip install 'homotopy-bench[pandas]'"
        raise ModuleNotFoundError(hint, name=error.name) from error
    columns = list(dict.fromkeys(key for row in rows for key in row))
    sections = {key[:end] for key in columns for end, letter in enumerate(key) if letter == "."}
    # A run without a final evaluation has null where others have a section of keys.
    empty = {key for key in sections.intersection(columns) if all(row.get(key) is None for row in rows)}
    return pd.DataFrame(list(rows), columns=[key for key in columns if key not in empty])
