"""Print a report in a terminal, or as plain text where the output is piped."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from homotopy_bench.core.inert import inert
from homotopy_bench.report import layout
from homotopy_bench.report.structure import Report

_GAP = 2  # columns of blanks between two columns: one of padding, one of the box


def print_report(report: Report, console: Console | None = None) -> None:
    """Print a report.

    Args:
        report: What to print.
        console: Where to; by default the standard output at the width of the terminal (``COLUMNS``, or 80,
            in a pipe).
    """
    console = console or Console(highlight=False)
    console.print(_text(console, layout.overview(report), "bold"))
    for heading, sentences in layout.conclusions(report):
        _print_heading(console, heading)
        _print_items(console, sentences)
    for section in report.sections:
        _print_heading(console, f"== {layout.heading(section)} ==")
        for table in layout.tables(section):
            _print_heading(console, table.title)
            if _least_width(table) <= console.width:
                console.print(_drawn(console, table))
            else:
                _print_stacked(console, table)
            _print_items(console, table.notes)
    if report.unusable:
        _print_heading(console, "Not in the tables")
        for kind, path, reason in layout.unusable(report):
            # One line per folder, however long: it can be searched, and its path copied.
            console.print(_text(console, f"  {kind:<11} {path}: {reason}"), soft_wrap=True)
    if report.sections:
        _print_heading(console, "How to read this")
        _print_items(console, layout.legend(report))


def _text(console: Console, text: str, style: str = "") -> Text:
    """Return a text as the console may show it: inert, and in characters that its encoding has."""
    encoding = console.encoding
    return Text(inert(text).encode(encoding, "backslashreplace").decode(encoding), style=style)


def _print_heading(console: Console, text: str) -> None:
    console.print()
    console.print(_text(console, text, "bold"))


def _print_items(console: Console, texts: Iterable[str]) -> None:
    for text in texts:
        for line in textwrap.wrap(
            str(_text(console, text)), console.width, initial_indent="- ", subsequent_indent="  "
        ):
            console.print(Text(line), soft_wrap=True)


def _least_width(table: layout.Table) -> int:
    cells = zip(*table.rows, strict=True)
    total = (len(table.columns) - 1) * _GAP
    for column, values in zip(table.columns, cells, strict=True):
        texts = [*column.header.split("\n"), *map(inert, values)]
        total += max(map(cell_len, texts))
    return total


def _drawn(console: Console, table: layout.Table) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in table.columns:
        drawn.add_column(
            Text(column.header),
            justify="right" if column.number else "left",
            no_wrap=True,
            style="dim" if column.aside else None,
        )
    for row in table.rows:
        drawn.add_row(*(_text(console, cell) for cell in row))
    return drawn


def _print_stacked(console: Console, table: layout.Table) -> None:
    # Where a name and its numbers do not fit side by side, cutting the name would make rows look alike, and a name that
    # wraps is read as two rows.
    headers = [column.header.split("\n") for column in table.columns[1:]]
    height = max(map(len, headers))
    levels = list(zip(*([""] * (height - len(header)) + header for header in headers), strict=True))
    numbers = [row[1:] for row in table.rows]
    widths = [max(map(len, column)) for column in zip(*levels, *numbers, strict=True)]

    def print_level(cells: Sequence[str], style: str) -> None:
        line = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        console.print(Text(f"    {line}", style=style), soft_wrap=True)

    for level in levels:
        print_level(level, "bold")
    for row in table.rows:
        console.print(_text(console, row[0]), soft_wrap=True)
        print_level(row[1:], "")
