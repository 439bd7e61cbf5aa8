"""Lay out cells of text in columns."""

from __future__ import annotations

from collections.abc import Sequence


def table(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as a table with columns of equal width.

    Example:
        >>> print(table([["metric", "value"], ["trace", "2.5"]]), end="")
          metric  value
          trace   2.5
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "".join(f"  {row.rstrip()}\n" for row in rows)
