"""Counts as a table in the terminal, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields

from homotopy_bench.functions.anchors import Anchor
from homotopy_bench.functions.counting import Count


def to_json(counts: Sequence[Count]) -> str:
    """Return a list of objects with the keys dimension, method, anchor, starts, found, iterations."""
    return json.dumps([asdict(count) for count in counts], indent=2) + "\n"


def to_csv(counts: Sequence[Count]) -> str:
    """Return a line of names and a line per count; no anchor is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Count))
    writer.writerows(asdict(count).values() for count in counts)
    return text.getvalue()


def to_text(counts: Sequence[Count], paper: Callable[[Count], str | None] | None = None) -> str:
    """Return an aligned table.

    Args:
        counts: The rows.
        paper: What the paper has for a row, or None where it has nothing; without it the column is left out.

    Returns:
        The lines, the last with its end.
    """
    names = ["dimension", "method", "anchor", "starts", "found", "share", "iterations"]
    lines = [names if paper is None else [*names, "paper"]]
    for count in counts:
        cells = [
            str(count.dimension),
            count.method,
            "-" if count.anchor is None else named(count.anchor),
            str(count.starts),
            str(count.found),
            f"{count.found / count.starts:.3f}",
            f"{count.iterations:.1f}",
        ]
        if paper is not None:
            published = paper(count)
            cells.append(published or "-")
        lines.append(cells)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "".join(_aligned(line, widths) + "\n" for line in lines)


def named(anchor: Anchor) -> str:
    """Return an anchor as a word."""
    return anchor if isinstance(anchor, str) else f"{anchor:g}"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return one line: the name of the method to the left, all else to the right."""
    return "  ".join(
        cell.ljust(width) if column == 1 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
