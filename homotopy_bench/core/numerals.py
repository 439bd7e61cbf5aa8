"""Tell which texts are numbers."""

from __future__ import annotations


def is_number(text: str) -> bool:
    """Return whether a text is a number, as Python reads it.

    Example:
        >>> is_number("1e-3"), is_number("looks_linear")
        (True, False)
    """
    try:
        float(text)
    except ValueError:
        return False
    return True
