"""Leave an empty picture where a run would draw its curves, which takes longer than the small runs of tests."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from homotopy_bench.core.files import write_atomically

DRAWN_BY_RUNS = "homotopy_bench.runs.member.draw_curves"
"""What is replaced; tests of pictures call the function itself, or take the fixture ``real_curves``."""


def draw_blank(lines: Sequence[Mapping[str, Any]], title: str, method: str, path: Path) -> None:
    """Write a white point; the arguments are those of ``draw_curves``."""
    content = io.BytesIO()
    Image.new("L", (1, 1), 255).save(content, "PNG")
    write_atomically(path, content.getvalue())
