"""Read a page of a report as a browser would: elements, tables, scripts, words."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

_VOID = {"meta", "input", "br", "hr"}


class Parsed(HTMLParser):
    """What is on a page; ``tables`` has the texts of the cells of every table by its id, heads first."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.contents: dict[str, list[str]] = {"script": [], "style": [], "h2": [], "h4": [], "li": [], "title": []}
        self.words: list[str] = []
        self._stack: list[str] = []
        self._table: list[list[str]] | None = None
        self.feed(page)
        self.close()
        assert self._stack == [], "elements that do not end"

    def handle_starttag(self, tag, attrs):
        self.elements[tag] += 1
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        if tag in _VOID:
            return
        self._stack.append(tag)
        if tag == "table":
            self._table = self.tables[dict(attrs)["id"] or ""] = []
        elif tag == "tr" and self._table is not None:
            self._table.append([])
        elif tag in ("td", "th") and self._table is not None:
            self._table[-1].append("")
        if tag in self.contents:
            self.contents[tag].append("")

    def handle_startendtag(self, tag, attrs):
        self.elements[tag] += 1
        self.attributes += [(tag, key, value or "") for key, value in attrs]

    def handle_endtag(self, tag):
        if tag in _VOID:
            return
        assert self._stack.pop() == tag
        if tag == "table":
            self._table = None

    def handle_data(self, data):
        for tag in set(self._stack) & set(self.contents):
            self.contents[tag][-1] += data
        if "script" not in self._stack and "style" not in self._stack:
            self.words.append(data)
        if self._table and self._table[-1] and "title" not in self._stack and {"td", "th"} & set(self._stack):
            self._table[-1][-1] += data
