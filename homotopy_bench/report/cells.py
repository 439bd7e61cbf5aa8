"""Word the cells of a table: fractions become per cent; what is None becomes :data:`NOTHING`."""

from __future__ import annotations

from homotopy_bench.core.statistics import Interval
from homotopy_bench.report.structure import Comparison, Row

NOTHING = "-"
"""The cell of a value that is not defined or not in the records."""


def name(row: Row | Comparison) -> str:
    """Return the method and the label of a row."""
    return f"{row.method} {row.label}".rstrip()


def percent(fraction: float | None, *, sign: bool = False) -> str:
    """Return a fraction in per cent with two decimals; a positive difference has its sign where ``sign`` is set.

    Example:
        >>> percent(0.5), percent(0.012, sign=True), percent(-1e-9, sign=True)
        ('50.00', '+1.20', '0.00')
    """
    if fraction is None:
        return NOTHING
    text = f"{100 * fraction:.2f}"
    # A difference that rounds to nothing has no sign worth showing.
    return "0.00" if text in ("0.00", "-0.00") else f"+{text}" if sign and fraction > 0 else text


def interval(bounds: Interval | None, *, sign: bool = False) -> str:
    """Return an interval of fractions in per cent."""
    return NOTHING if bounds is None else f"[{percent(bounds.low, sign=sign)}, {percent(bounds.high, sign=sign)}]"


def probability(value: float | None) -> str:
    """Return a p value with four decimals, or its order of magnitude below 1e-4."""
    return NOTHING if value is None else f"{value:.4f}" if value >= 1e-4 else f"{value:.0e}"


def amount(value: float | None) -> str:
    """Return a number of something as an integer, from 1e9 on with an exponent."""
    return NOTHING if value is None else f"{value:,.0f}" if value < 1e9 else f"{value:.3e}"


def seconds(value: float | None) -> str:
    """Return seconds with three digits, from 100 on as an integer."""
    return f"{value:.3g}" if value is not None and value < 100 else amount(value)


def count(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or the plural.

    Example:
        >>> count(1, "run"), count(2, "run")
        ('1 run', '2 runs')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
