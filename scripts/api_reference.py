"""Write the API reference: a page for each room of the package, from the docstrings of its modules.

MkDocs runs :func:`on_files` when it builds the site, and mkdocstrings fills the pages. :class:`Roles` turns roles in
docstrings, such as ``:class:``, into links.
"""

from __future__ import annotations

import pkgutil
import re
from typing import TYPE_CHECKING, Any

import griffe

import homotopy_bench

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROLE = re.compile(r":(?:\w+):`(~?)([\w.]+)`")


class Roles(griffe.Extension):
    """Turn the roles of docstrings into links where their target is on the site, and into code elsewhere."""

    def on_object(self, *, obj: griffe.Object, **_kwargs: Any) -> None:
        """Rewrite the docstring of an object; griffe calls this for every one."""
        if obj.docstring:
            text = ROLE.sub(_link, obj.docstring.value).replace("``", "`")
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)  # a section of doctests


def pages() -> dict[str, str]:
    """Return path of a page -> its Markdown, a page for each room."""
    found = {}
    for room in pkgutil.iter_modules(homotopy_bench.__path__):
        if room.ispkg:
            found[f"api/{room.name}.md"] = _page(f"homotopy_bench.{room.name}")
    return found


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to the files of the site; MkDocs calls this hook.

    Args:
        files: The files of the site.
        config: The configuration of MkDocs.

    Returns:
        The files with the pages among them.
    """
    from mkdocs.structure.files import File

    for path, content in pages().items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_kwargs: Any) -> str:
    """Point links to source files at the pages of their rooms, and leave other files outside ``docs/`` as plain text.

    Args:
        markdown: The text of a page.
        page: The page.

    Returns:
        The text that MkDocs renders.
    """
    up = "../" * page.file.src_uri.count("/")
    outside = re.compile(rf"\[([^\]]*)\]\({re.escape(up)}\.\./(?:homotopy_bench/(\w+)/)?[^)]*\)")
    return outside.sub(lambda link: f"[{link[1]}]({up}api/{link[2]}.md)" if link[2] else link[1], markdown)


def _page(room: str) -> str:
    """Return the page of a room and its modules, which mkdocstrings fills."""
    return f"# {room.rpartition('.')[2]}\n\n::: {room}\n    options:\n      heading_level: 2\n"


def _link(role: re.Match[str]) -> str:
    name = role[2].rpartition(".")[2] if role[1] else role[2]
    return f'<autoref identifier="{role[2]}" optional>`{name}`</autoref>'
