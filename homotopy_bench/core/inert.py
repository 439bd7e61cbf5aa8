"""Show text that others wrote: it has an end, and nothing in it acts on a terminal, a picture or a spreadsheet."""

from __future__ import annotations

LONGEST = 5000
"""Most characters of any text that is shown; a path has at most 4096."""

LONGEST_NAME = 200
"""Most characters of a name."""


def shortened(text: str, most: int) -> str:
    """Return a text of at most ``most`` characters, without its middle where it is longer.

    Example:
        >>> shortened("lr_schedule.warmup_fraction", 15)
        'lr_sche…raction'
    """
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}…{text[len(text) - (most - head - 1) :]}"


def inert(text: str) -> str:
    r"""Return a text on one line, in which every character that is no visible one, nor a blank, is an escape.

    These are control characters, which command a terminal; marks of direction, which make a line look like another
    one; ends of lines; lone surrogates, such as bytes of a file's name that are no UTF-8, which no encoder takes.

    Example:
        >>> print(inert("red \x1b[31m \u202egpj.exe\n"))
        red \x1b[31m \u202egpj.exe\n
    """
    text = shortened(text, LONGEST)
    if text.isprintable():
        return text
    escaped = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    return shortened(escaped, LONGEST)


def inert_cell(value: object) -> object:
    """Return a value for a cell of a CSV file, in which no spreadsheet finds a formula; numbers stay what they are.

    Example:
        >>> inert_cell("=1+1"), inert_cell(-0.5)
        ("'=1+1", -0.5)
    """
    if not isinstance(value, str):
        return value
    return f"'{inert(value)}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else inert(value)
