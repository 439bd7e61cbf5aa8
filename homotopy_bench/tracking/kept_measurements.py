"""Keep measurements in the folder of their run, so that nothing is measured twice.

``landscape.json`` holds a list of entries: what was measured (metric, split, samples, mode, and the state of the
network), and what came out. A network that has trained on has another state, and is measured anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import LARGEST_LINES, DamagedFile, read_json, write_atomically
from homotopy_bench.core.path_lock import path_lock

if TYPE_CHECKING:
    from torch import Tensor

FILE = "landscape.json"
SCHEMA = 1

Identity = Mapping[str, Any]
"""What was measured: plain values by name."""


class KeptMeasurements:
    """Read and extend the measurements of one run.

    Args:
        folder: The run's folder.

    Raises:
        InputError: If the file there is damaged or of another layout.

    Example:
        >>> from tempfile import mkdtemp
        >>> kept = KeptMeasurements(Path(mkdtemp()))
        >>> kept.put({"metric": "trace", "split": "test"}, {"value": 2.0})
        >>> kept.get({"metric": "trace", "split": "test"}), kept.get({"metric": "trace", "split": "train"})
        ({'value': 2.0}, None)
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._entries = read_entries(folder)
        self._own: list[dict[str, Any]] = []

    def get(self, identity: Identity) -> dict[str, Any] | None:
        """Return what came out; None where it was not measured."""
        for entry in self._entries:
            if entry["of"] == identity:
                found: dict[str, Any] = entry["result"]
                return found
        return None

    def put(self, identity: Identity, result: Mapping[str, Any]) -> None:
        """Take what came out, in place of what came out before."""
        own = {"of": dict(identity), "result": dict(result)}
        self._own = _over(self._own, [own])
        self._entries = _over(self._entries, [own])

    def write(self) -> None:
        """Write the file, with what other processes have written there since.

        Raises:
            InputError: If it cannot be written, or is damaged.
        """
        with path_lock(self.path):
            self._entries = _over(read_entries(self.path.parent), self._own)
            content = json.dumps({"schema": SCHEMA, "entries": self._entries}, allow_nan=False)
            try:
                write_atomically(self.path, content.encode() + b"\n")
            except OSError as error:
                raise InputError("RUN_DIR", self.path, f"cannot be written ({error.strerror})") from error


def _over(entries: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return entries with some of one's own in place of those of the same identities."""
    named = [one["of"] for one in own]
    return [*(one for one in entries if one["of"] not in named), *own]


def read_entries(folder: Path) -> list[dict[str, Any]]:
    """Return the entries in a run's folder, each with ``of`` and ``result``; none where nothing was measured.

    Raises:
        InputError: If the file is damaged or of another layout.
    """
    path = folder / FILE
    try:
        content = read_json(path, LARGEST_LINES)
    except FileNotFoundError:
        return []
    except (OSError, DamagedFile) as error:
        raise InputError("RUN_DIR", path, f"is damaged; delete it to measure anew ({error})") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        schema = content.get("schema") if isinstance(content, dict) else None
        raise InputError("RUN_DIR", path, f"has schema {schema}; this version reads {SCHEMA}")
    entries = content.get("entries")
    if not isinstance(entries, list) or not all(_is_entry(entry) for entry in entries):
        raise InputError("RUN_DIR", path, "is damaged; delete it to measure anew (no list of entries)")
    return entries


REVISIONS = {"m_sharpness": 2}
"""Metrics of which an earlier version measured something else -> number of the present one."""


def identity(metric: str, split: str, samples: int, mode: str, state: str, t: float = 1.0) -> dict[str, Any]:
    """Return what names a measurement of one network.

    Args:
        metric: Name of the metric.
        split: Where: ``train`` or ``test``.
        samples: Number of samples.
        mode: How closely: ``fast`` or ``full``.
        state: The network's :func:`state_digest`.
        t: The network's path parameter.
    """
    found = {"metric": metric, "split": split, "samples": samples, "mode": mode, "state": state, "t": t}
    return found | ({"revision": REVISIONS[metric]} if metric in REVISIONS else {})


def state_digest(state: Mapping[str, Tensor]) -> str:
    """Return 16 hexadecimal digits that name the parameters and buffers of a network, by name."""
    digest = hashlib.sha256()
    for name, value in state.items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(part), dict) for part in ("of", "result"))
