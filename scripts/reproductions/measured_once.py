"""Keep what was measured as JSON beside the pages of the results, and measure it once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from homotopy_bench.core.files import write_atomically
from homotopy_bench.tracking.environment import code_version


def measured_once(file: Path, measured: Callable[[], Mapping[str, Any]]) -> str:
    """Return the text of a JSON file, after measuring and writing it with the version of the code if it is missing.

    Args:
        file: The file.
        measured: Returns what it is to hold.
    """
    if file.exists():
        return file.read_text(encoding="utf-8")
    text = json.dumps({**measured(), "code": code_version()}, indent=1) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, text.encode())
    return text
