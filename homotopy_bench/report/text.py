"""Print a report in a terminal, or as plain text where the output is piped."""

from __future__ import annotations

import textwrap

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

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
    console.print(Text(layout.overview(report), style="bold"))
    for section in report.sections:
        console.print()
        console.print(Text(f"== {layout.heading(section)} ==", style="bold"))
        for table in layout.tables(section):
            console.print()
            console.print(Text(table.title, style="bold"))
            _print_table(console, table)
            for note in table.notes:
                _print_item(console, note)
        if layout.remark(section):
            console.print()
            console.print(Text(layout.remark(section), style="bold"))
    if report.unusable:
        console.print()
        console.print(Text("Not in the tables", style="bold"))
        for kind, path, reason in layout.unusable(report):
            # One line per folder, however long: it can be searched, and its path copied.
            console.print(Text(f"  {kind:<11} {path}: {reason}"), soft_wrap=True)
    if report.sections:
        console.print()
        console.print(Text("How to read this", style="bold"))
        for line in layout.legend(report):
            _print_item(console, line)


def _print_table(console: Console, table: layout.Table) -> None:
    if _least_width(table) <= console.width:
        console.print(_drawn(table))
    else:
        _print_stacked(console, table)


def _least_width(table: layout.Table) -> int:
    # Names may wrap between words, numbers and headers not at all.
    cells = zip(*table.rows, strict=True)
    total = (len(table.columns) - 1) * _GAP
    for column, values in zip(table.columns, cells, strict=True):
        texts = [*column.header.split("\n"), *values]
        total += max(cell_len(part) for text in texts for part in ([text] if column.number else text.split()))
    return total


def _drawn(table: layout.Table) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in table.columns:
        drawn.add_column(
            Text(column.header),
            justify="right" if column.number else "left",
            no_wrap=column.number,
            style="dim" if column.aside else None,
        )
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    return drawn


def _print_stacked(console: Console, table: layout.Table) -> None:
    # Where a name and its numbers do not fit side by side, cutting the name would make rows look alike.
    headers = [column.header.split("\n") for column in table.columns]
    height = max(map(len, headers))
    lines = [
        [[""] * (height - len(header)) + header for header in headers],
        *([[cell] for cell in row] for row in table.rows),
    ]
    widths = [max(len(line) for row in lines for line in row[i]) for i in range(1, len(headers))]
    for place, row in enumerate(lines):
        style = "" if place else "bold"
        if place:
            console.print(Text(row[0][0]), soft_wrap=True)
        for level in range(len(row[1])):
            numbers = "  ".join(cell[level].rjust(width) for cell, width in zip(row[1:], widths, strict=True))
            console.print(Text(f"    {numbers}", style=style), soft_wrap=True)


def _print_item(console: Console, text: str) -> None:
    for line in textwrap.wrap(text, console.width, initial_indent="- ", subsequent_indent="  "):
        console.print(Text(line), soft_wrap=True)
