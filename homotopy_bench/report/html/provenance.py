"""Show what made the runs of every section, and what made the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homotopy_bench.report.cells import count
from homotopy_bench.report.html.markup import Markup, element
from homotopy_bench.report.html.origin import Origin

_WORDS = {
    "code": "code",
    "torch": "PyTorch",
    "processors": "processor",
    "data": "data files",
    "commands": "commands of the runs",
    "written": "first and last record written (UTC)",
    "configurations": "hashes of configurations",
}

MOST_SHOWN = 6
"""Most values that stand there unfolded."""


def provenance(headings: Sequence[str], origins: Sequence[Origin], command: str, version: str) -> Markup:
    """Return the provenance of the sections and studies with these headings, then of the page."""
    made = [
        ("page made by", [f"homotopy-bench {version}"]),
        *([("command of this page", [command])] if command else []),
    ]
    return element(
        "div",
        [
            (element("h3", heading), element("dl", list(_terms(one))))
            for heading, one in zip(headings, origins, strict=True)
        ],
        element("h3", "This page"),
        element("dl", [_term(words, values) for words, values in made]),
    )


def _terms(one: Origin) -> Iterator[Markup]:
    for field, words in _WORDS.items():
        values = [value or "unknown" for value in getattr(one, field)]
        if values:
            yield _term(words, values)
    if not one.data:
        yield _term(
            "data files", ["none read: the data set is generated, or the records are from before files were kept"]
        )


def _term(words: str, values: Sequence[str]) -> Markup:
    codes = [element("li", element("code", value)) for value in values]
    if len(codes) <= MOST_SHOWN:
        return element("div", element("dt", words), element("dd", element("ul", codes)))
    folded = element("details", element("summary", count(len(codes), "different value")), element("ul", codes))
    return element("div", element("dt", words), element("dd", folded))
