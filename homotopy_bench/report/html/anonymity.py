"""Leave out of a report who made its runs and where: paths, hosts and users.

What the records say of a machine is in free text too (reasons, labels, damages), and the machine need not be this one.
Folders of runs become numbers, those of a single word (``0``, ``baseline``) only where nothing but a folder is meant;
every absolute path, whatever made it, becomes a word; so do the names of this host and user.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from homotopy_bench.report.structure import Report
from homotopy_bench.report.studies import Study

PATH = "(path)"
"""What stands for a path that is no folder of a run."""

SOMEBODY = "(name)"
"""What stands for the name of a host or a user."""

SHORTEST_NAME = 2
"""Names of hosts and users that are shorter are parts of other words, and are kept unless in a path."""

# Absolute paths of POSIX and Windows, those of a home or from the folder above, addresses of files and of hosts with a
# user.
_PATHS = re.compile(
    r"(?:(?:file|ssh|sftp)://\S+)|(?:[A-Za-z]:\\[^\s'\"<>|]+)|(?:\\\\[^\s'\"<>|]+)|(?:(?<![\w.)\]/~])(?:~[\w.-]*|\.{1,2})?/[^\s'\"<>|:,;()]+)"
    r"|(?:\b[\w.+-]+@[\w-]+(?:\.[\w-]+)*)"
)


Clean = Callable[[str], str]


def anonymous(report: Report, studies: Sequence[Study] = ()) -> tuple[Report, Callable[[Any], Any], Clean]:
    """Return a report without paths, hosts and users, and two functions.

    The first takes them out of any other value of the report, the second returns what stands for a folder.

    Args:
        report: The report.
        studies: Studies on the same page, whose folders are known then.
    """
    numbers: dict[str, str] = {}
    for section in report.sections:
        for row in section.rows:
            for path in row.paths:
                numbers.setdefault(path, f"run {len(numbers) + 1}")
    for number, study in enumerate(studies, start=1):
        numbers.setdefault(study.path, f"study {number}")
    for one in report.unusable:
        numbers.setdefault(str(one.path), f"folder {len(numbers) + 1}")
    # A user named adam must not rename an optimiser.
    names = sorted(_names() - _vocabulary(report, studies), key=len, reverse=True)
    known = _any_of([place for place in numbers if "/" in place or "\\" in place])
    in_reasons = re.compile(rf"(?<=used instead is )(?:{_any_of(list(numbers)).pattern})|{known.pattern}")
    somebody = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names) or r"(?!)", re.IGNORECASE)

    def clean(text: str, places: re.Pattern[str] = known) -> str:
        text = places.sub(lambda found: numbers[found[0]], text)
        return somebody.sub(SOMEBODY, _PATHS.sub(PATH, text))

    def folder(text: str) -> str:
        return numbers[text] if text in numbers else clean(text)

    fields_of_folders = dict.fromkeys(("path", "paths"), folder) | {"reason": partial(clean, places=in_reasons)}

    def taken_out(value: Any) -> Any:
        return _mapped(value, clean, fields_of_folders)

    sections = [
        replace(one, damaged={folder(path): why for path, why in one.damaged.items()}) for one in report.sections
    ]
    return taken_out(replace(report, sections=tuple(sections))), taken_out, folder


def _any_of(places: Sequence[str]) -> re.Pattern[str]:
    """Return what finds folders in a text, none as a part of a longer name."""
    # Longest first, so that no folder is taken for the beginning of another one.
    ordered = sorted(places, key=len, reverse=True)
    return re.compile("|".join(rf"(?<![\w/]){re.escape(place)}(?![\w-])" for place in ordered) or r"(?!)")


def _names() -> set[str]:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # nobody knows it
        user = ""
    found = {socket.gethostname(), user, Path(os.path.expanduser("~")).name}  # noqa: PTH111  # never raises
    return {name.lower() for name in found if len(name) >= SHORTEST_NAME}


def _vocabulary(report: Report, studies: Sequence[Study]) -> set[str]:
    """Return the words of the names of data sets, models, methods and settings, without those of paths."""
    texts = [text for section in report.sections for text in (section.dataset, section.model, section.label)]
    texts += [text for section in report.sections for row in section.rows for text in (row.method, row.label)]
    texts += [text for study in studies for text in (study.dataset, study.model, study.method, study.sampler)]
    return {word for text in texts for word in re.findall(r"\w+", _PATHS.sub(PATH, text).lower())}


def _mapped(value: Any, clean: Clean, of_fields: Mapping[str, Clean]) -> Any:
    """Return a nested value with every text in it cleaned, that of some fields of dataclasses in a way of its own."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Path):
        return Path(clean(str(value)))
    if is_dataclass(value) and not isinstance(value, type):
        own = {one.name: of_fields.get(one.name, clean) for one in fields(value)}
        return replace(value, **{name: _mapped(getattr(value, name), way, of_fields) for name, way in own.items()})
    if isinstance(value, Mapping):
        return {_mapped(key, clean, of_fields): _mapped(item, clean, of_fields) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_mapped(item, clean, of_fields) for item in value)
    return value
