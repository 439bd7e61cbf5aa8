"""Read the tables of a report in LaTeX as TeX would: commands, groups, cells; whatever else could act is an error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SHOWN = {
    "textbackslash": "\\",
    "textasciitilde": "~",
    "textasciicircum": "^",
    "textless": "<",
    "textgreater": ">",
    "textbar": "|",
    "textendash": "--",
}
"""Command -> the character that it shows; each has {} behind it."""

RULES = {"toprule", "midrule", "bottomrule"}

_TOKEN = re.compile(r"\\([a-zA-Z]+|.)|([{}$&#%^_~])|([ -~])")


@dataclass
class Table:
    """A table: its caption, its label, its columns, and the texts of its cells."""

    caption: str = ""
    label: str = ""
    columns: str = ""
    rows: list[list[str]] = field(default_factory=list)


def shown(source: str) -> str:
    """Return what LaTeX shows of text with mathematics; anything that acts raises an AssertionError."""
    text, groups, place, mathematics = "", 0, 0, False
    while place < len(source):
        token = _TOKEN.match(source, place)
        assert token, f"a character beyond ASCII at {source[place : place + 20]!r}"
        place = token.end()
        command, special, letter = token.groups()
        if command in SHOWN:
            assert source.startswith("{}", place), f"\\{command} takes what is behind it"
            text += SHOWN[command]
        elif command == "char":
            number = re.match(r"\d+", source[place:])
            assert number
            place += number.end()
            assert source[place] == "}", "more digits could follow"
            text += chr(int(number[0]))
        elif command is not None:
            assert command in set("{}$&#%_,"), f"the command \\{command}"
            text += "" if command == "," else command
        elif special == "{":
            groups += 1
        elif special == "}":
            groups -= 1
            assert groups >= 0, "a group that ends too early"
        elif special == "$":
            mathematics = not mathematics
        elif special:
            raise AssertionError(f"a live {special} in {source!r}")
        else:
            assert mathematics or letter not in '<>|"`', f"another sign than {letter}"
            assert groups or letter not in "[]*", f"an option {letter}"
            assert mathematics or not (letter in "-'," and text.endswith(letter) and source[place - 2] == letter)
            text += letter
    assert not groups
    assert not mathematics
    return text


def tables(document: str) -> list[Table]:
    """Return the tables of a file, in which nothing but tables and comments stands."""
    found: list[Table] = []
    lines = [line for line in document.split("\n") if line and not line.startswith("%")]
    inside: list[str] = []
    for line in map(str.strip, lines):
        if begin := re.fullmatch(r"\\begin\{(table|tabular)\}(?:\{(l?r*)\})?", line):
            inside.append(begin[1])
            if begin[1] == "table":
                found.append(Table())
            else:
                found[-1].columns = begin[2]
        elif end := re.fullmatch(r"\\end\{(table|tabular)\}", line):
            assert inside.pop() == end[1]
        elif line.startswith(r"\caption["):
            assert inside == ["table"]
            short, long = _arguments(line.removeprefix(r"\caption"))
            shown(short)
            found[-1].caption = shown(long)
        elif label := re.fullmatch(r"\\label\{([a-z:0-9-]+)\}", line):
            found[-1].label = label[1]
        elif line != r"\centering" and line.removeprefix("\\") not in RULES:
            assert inside == ["table", "tabular"], line
            assert line.endswith(r" \\")
            cells = _cells(line.removesuffix(r" \\"))
            assert len(cells) == len(found[-1].columns), line
            found[-1].rows.append([shown(cell) for cell in cells])
    assert not inside
    return found


def _cells(line: str) -> list[str]:
    cells = re.split(r"(?<!\\)&", line)
    return [cell.strip() for cell in cells]


def _arguments(words: str) -> tuple[str, str]:
    """Return the optional and the other argument of a caption, as TeX delimits them."""
    depth = 0
    for place, letter in enumerate(words):
        escaped = place > 0 and words[place - 1] == "\\"
        depth += (letter == "{" and not escaped) - (letter == "}" and not escaped)
        if letter == "]" and not depth:
            long = words[place + 1 :]
            assert long.startswith("{")
            assert long.endswith("}")
            return words[1:place], long[1:-1]
    raise AssertionError("a caption without an end")
