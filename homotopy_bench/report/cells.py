"""Word the cells of a table."""

from __future__ import annotations

from homotopy_bench.report.statistics import Interval
from homotopy_bench.report.structure import Comparison, Row

NOTHING = "-"
"""The cell of a value that is not defined or not in the records."""


def printable(text: str) -> str:
    """Return text that any encoder of UTF-8 takes.

    Args:
        text: Any text; the name of a folder may hold bytes that are no UTF-8.

    Returns:
        The text with such bytes as escapes.
    """
    return text.encode("utf-8", "backslashreplace").decode()


def _name(row: Row | Comparison) -> str:
    return f"{row.method} {row.label}".rstrip()


def _percent(fraction: float | None, *, sign: bool = False) -> str:
    if fraction is None:
        return NOTHING
    text = f"{100 * fraction:.2f}"
    # A difference that rounds to nothing has no sign worth showing.
    return "0.00" if text in ("0.00", "-0.00") else f"+{text}" if sign and fraction > 0 else text


def _interval(interval: Interval | None, *, sign: bool = False) -> str:
    if interval is None:
        return NOTHING
    return f"[{_percent(interval.low, sign=sign)}, {_percent(interval.high, sign=sign)}]"


def _probability(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.4f}" if value >= 1e-4 else f"{value:.0e}"


def _amount(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value < 1e9 else f"{value:.3e}"


def _seconds(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.3g}" if value < 100 else _amount(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
