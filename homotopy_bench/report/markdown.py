"""Write a report as GitHub Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from homotopy_bench.core.inert import inert
from homotopy_bench.report import layout
from homotopy_bench.report.structure import Report

# An address is a link by itself, and an underscore within a word is none of emphasis.
_SPECIAL = re.compile(r"[\\`*\[\]<>|!#$&@~]|:(?=//)|(?<=www)\.|(?<!\w)_|_(?!\w)|^[-+](?= )", re.IGNORECASE)


def to_markdown(report: Report, command: str = "") -> str:
    """Return a report as GitHub Markdown, with the command line that made it unless that is empty."""
    return "\n".join(_lines(report, command)) + "\n"


def _lines(report: Report, command: str) -> Iterator[str]:
    yield from ("# Report", "", f"{layout.overview(report)}.")
    for heading, sentences in layout.conclusions(report):
        yield from ("", f"**{_escaped(heading)}**", "")
        yield from (f"- {_escaped(sentence)}" for sentence in sentences)
    for section in report.sections:
        yield from ("", f"## {_escaped(layout.heading(section))}")
        for table in layout.tables(section):
            yield from ("", f"### {table.title}", "")
            yield from _table(table)
            if table.notes:
                yield ""
            yield from (f"- {_escaped(note)}" for note in table.notes)
    if report.unusable:
        columns = tuple(layout.Column(header, number=False) for header in ("kind", "folder", "reason"))
        yield from ("", "## Not in the tables", "")
        yield from _table(layout.Table("", columns, layout.unusable(report)))
    if report.sections:
        yield from ("", "## How to read this", "")
        yield from (f"- {_escaped(line)}" for line in layout.legend(report))
    if command:
        # Indented, because a command may hold any fence of backticks.
        yield from ("", "## Made by", "", f"    {inert(command)}")


def _table(table: layout.Table) -> Iterator[str]:
    yield _row(column.header for column in table.columns)
    yield _row("---:" if column.number else ":---" for column in table.columns)
    yield from (_row(row) for row in table.rows)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    """Return a text that Markdown shows as it is: no link, no image, no HTML, no emphasis, no list."""
    return _SPECIAL.sub(r"\\\g<0>", inert(" ".join(text.split())))
