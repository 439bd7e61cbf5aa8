"""Write HTML and SVG elements: the one place in which text becomes markup.

Whatever is no :class:`Markup` is text, and is escaped. A name such as ``<script>`` is therefore shown and never runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from homotopy_bench.core.inert import inert

_PATH_DATA = re.compile(r"[MLlZ\d\s.,-]*")

VOID = frozenset({"br", "circle", "hr", "input", "line", "meta", "path", "rect"})
"""Elements without content."""


class Markup(str):
    """Mark a string as finished markup; only this module makes it from other text."""

    __slots__ = ()


Content = str | Iterable["Content"]
"""Markup, text to escape, or any nesting of them."""


def element(name: str, /, *content: Content, **attributes: str | float | bool | None) -> Markup:
    """Return an element with escaped text and attributes.

    An underscore within an attribute's name is a hyphen and one at its end is dropped (``class_``); False and None
    leave an attribute out, True writes its name alone, and a number has at most two decimals.

    Example:
        >>> element("p", "a < b", element("b", "c"), class_="x", data_row=1, hidden=False)
        '<p class="x" data-row="1">a &lt; b<b>c</b></p>'
    """
    words = [name, *(_attribute(key, value) for key, value in attributes.items() if value not in (None, False))]
    start = " ".join(words)
    return Markup(f"<{start}/>" if name in VOID else f"<{start}>{text(*content)}</{name}>")


def text(*content: Content) -> Markup:
    """Return content as markup: what is none is made inert and escaped."""
    return Markup("".join(map(_one, content)))


def embedded(program: str) -> Markup:
    """Return a style or script of the package as it is, for within its element.

    Raises:
        ValueError: If it would end that element.
    """
    if "</" in program:
        raise ValueError("a script or style that is embedded must not hold </")
    return Markup(program)


def path_data(words: Iterable[str]) -> Markup:
    """Return the data of an SVG path, which may be longer than any text.

    Raises:
        ValueError: If they hold anything but commands and numbers.
    """
    data = "".join(words)
    if not _PATH_DATA.fullmatch(data):
        raise ValueError("the data of a path hold commands and numbers alone")
    return Markup(data)


def json_data(document: str) -> Markup:
    r"""Return JSON for within a script element, which nothing in it can end.

    Example:
        >>> print(json_data('"</script>&"'))
        "\u003c/script\u003e\u0026"
    """
    return Markup(document.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def decimals(value: float) -> str:
    """Return a coordinate with at most two decimals, and no zeros that say nothing.

    Example:
        >>> decimals(2.0), decimals(0.128), decimals(-0.001)
        ('2', '0.13', '0')
    """
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown


def _one(content: Content) -> str:
    if isinstance(content, Markup):
        return content
    return escape(inert(content)) if isinstance(content, str) else text(*content)


def _attribute(key: str, value: str | float | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-") if key != "viewBox" else key
    if value is True:
        return name
    return f'{name}="{_one(value) if isinstance(value, str) else decimals(float(value or 0))}"'
