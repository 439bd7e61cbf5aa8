"""The page on the architecture shows the code as it is."""

from __future__ import annotations

import re
from pathlib import Path

import architecture
import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "architecture.md"


def test_the_picture_is_what_the_imports_are_now() -> None:
    assert architecture.PICTURE.read_text(encoding="utf-8") == architecture.draw(), "run python scripts/architecture.py"


def test_every_room_is_in_the_picture_and_on_the_page() -> None:
    rooms = {path.parent.name for path in (ROOT / "homotopy_bench").glob("*/__init__.py")}
    assert {room for layer in architecture.layers() for room in layer} == rooms
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"`{room}`" in page for room in rooms)


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md", "tests/README.md", "SECURITY.md"])
def test_linked_files_exist(page: str) -> None:
    where = ROOT / page
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", where.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (where.parent / link).exists()] == []
