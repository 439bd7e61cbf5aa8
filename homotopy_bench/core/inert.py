"""Show text that others wrote: it has an end, and nothing in it acts on a terminal, a picture or a spreadsheet."""

from __future__ import annotations

import re

LONGEST = 5000
"""Most characters of any text that is shown; a path has at most 4096."""

LONGEST_NAME = 200
"""Most characters of a name."""

_FORMULA = re.compile(r"((?:^|;)[ \"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a formula would begin: of the first cell, or of one behind a semicolon; with signs of full width too."""


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

    Where the language of a spreadsheet writes 0,5, it ends a cell at a semicolon too.

    Example:
        >>> inert_cell("=1+1"), inert_cell(-0.5), inert_cell("a; =1+1"), inert_cell("a=-1")
        ("'=1+1", -0.5, "a; '=1+1", 'a=-1')
    """
    return _FORMULA.sub(r"\1'", inert(value)) if isinstance(value, str) else value
