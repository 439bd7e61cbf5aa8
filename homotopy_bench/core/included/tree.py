"""Read a folder of choices into memory: what it holds is named by a hash of its text.

    methods/NAME.py   models/NAME.py   data/NAME.py   continuation/NAME.py   optim/NAME.py   lr_schedules/NAME.py
    loggers/NAME.py   and for each conf/GROUP/NAME.yaml;   conf/experiment/NAME.yaml   conf/sweep/NAME.yaml

A file whose name begins with an underscore is no choice; the others import it as ``from ._name import ...``. Whatever
else lies in the folder (tests, notebooks, data) is neither read nor run.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from homotopy_bench.core.errors import InputError, nearest
from homotopy_bench.core.files import DamagedFile, read_text

ROOMS: dict[str, str] = {
    "method": "methods",
    "model": "models",
    "dataset": "data",
    "continuation": "continuation",
    "optimizer": "optim",
    "lr_schedule": "lr_schedules",
    "logger": "loggers",
}
"""Group of ``conf/`` -> folder of its Python files."""

SETTINGS = ("experiment", "sweep")
"""Groups of ``conf/`` whose choices are YAML alone."""

LARGEST_FILE = 2**20
"""Most bytes of a file."""

LARGEST_TREE = 4 * 2**20
"""Most bytes of all files."""

MOST_FILES = 500
"""Most files."""

KEY = 16
"""Characters of a key: a letter, which keeps it from reading as a number, and digits of the hash."""

ACCEPTED = f"accepted: a folder with {', '.join(f'{room}/' for room in ROOMS.values())} and conf/"


@dataclass(frozen=True)
class Origin:
    """Say where a tree came from.

    Attributes:
        folder: The folder as it was typed; of an installed package its name.
        version: Version of an installed package; None of a folder.
    """

    folder: str
    version: str | None = None

    @property
    def kind(self) -> str:
        """``package`` or ``folder``."""
        return "folder" if self.version is None else "package"

    def __str__(self) -> str:
        """Return it in a few words."""
        return self.folder if self.version is None else f"{self.folder} {self.version}"


@dataclass(frozen=True, eq=False)
class Tree:
    """Hold the text of a folder of choices.

    Attributes:
        files: Path from the folder, with slashes -> content; sorted.
        folder: Where it was read.
        origin: Where it came from.
    """

    files: Mapping[str, bytes]
    folder: Path
    origin: Origin = field(default=Origin(""))

    @cached_property
    def sha256(self) -> str:
        """The hash of all paths and contents."""
        lines = (f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in self.files.items())
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def key(self) -> str:
        """The beginning of the hash, which stands for the tree in configurations and names of modules."""
        return f"t{self.sha256[: KEY - 1]}"

    def choices(self, group: str) -> list[str]:
        """Return the names of its choices of a group, sorted."""
        found = (re.fullmatch(rf"conf/{re.escape(group)}/([^/]+)\.yaml", path) for path in self.files)
        return sorted(match[1] for match in found if match)

    def offers(self) -> list[tuple[str, str]]:
        """Return every choice as group and name."""
        return [(group, name) for group in (*ROOMS, *SETTINGS) for name in self.choices(group)]

    def text(self, path: str) -> str:
        """Return the content of a file."""
        return self.files[path].decode()

    def place(self, path: str) -> str:
        """Return a file as messages name it."""
        return f"{self.folder}/{path}"


def yaml_of(group: str, name: str) -> str:
    """Return the path of the YAML file of a choice."""
    return f"conf/{group}/{name}.yaml"


def python_of(group: str, name: str) -> str:
    """Return the path of the Python file of a choice."""
    return f"{ROOMS[group]}/{name}.py"


def read_tree(folder: Path, origin: Origin) -> Tree:
    """Return what a folder holds.

    Args:
        folder: The folder.
        origin: What messages and records call it.

    Raises:
        InputError: If there is no such folder, it holds no choices, or a file that is no text, too large, or a link
            that leads out of it.
    """
    if not folder.is_dir():
        what = "no folder" if folder.exists() else "no such folder"
        raise InputError("include", folder, f"{what}; {ACCEPTED}")
    files: dict[str, bytes] = {}
    size = 0
    try:
        for path in sorted(_paths(folder)):
            name = path.relative_to(folder).as_posix()
            files[name] = _content(path, folder)
            size += len(files[name])
            if size > LARGEST_TREE or len(files) > MOST_FILES:
                accepted = f"accepted: at most {MOST_FILES} files and {LARGEST_TREE >> 20} MiB in all"
                raise InputError("include", folder, f"it holds more text than any code; {accepted}")
    except OSError as error:
        raise InputError("include", error.filename or folder, f"{error.strerror}; {ACCEPTED}") from error
    _refuse_misplaced(folder, files)
    return Tree(files, folder, origin)


def _paths(folder: Path) -> Iterator[Path]:
    """Yield the files of the folders that are read, without hidden ones and those that Python makes.

    Raises:
        InputError: At a link that leads elsewhere.
    """
    for room in (*ROOMS.values(), "conf"):
        for place, folders, names in os.walk(folder / room, onerror=_raise):
            for name in [*folders, *names]:
                path = Path(place, name)
                if path.is_symlink() and (name in folders or not _leads_inside(path, folder)):
                    accepted = "a link to a folder, or one that leads out of it; accepted: files of the folder itself"
                    raise InputError("include", path, accepted)
            if Path(place).is_symlink():
                raise InputError("include", place, "a link to a folder; accepted: files of the folder itself")
            folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
            yield from (Path(place, name) for name in names if not name.startswith(".") and not name.endswith("~"))


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _leads_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _content(path: Path, folder: Path) -> bytes:
    """Return the content of a file of text.

    Raises:
        InputError: If it is none.
    """
    try:
        text = read_text(path, LARGEST_FILE)
    except DamagedFile as error:
        shown = path.relative_to(folder)
        raise InputError("include", folder / shown, f"{error.problem}; accepted: text of at most 1 MiB") from error
    if "\0" in text:
        raise InputError("include", path, "is not text (it holds a null); accepted: text of at most 1 MiB")
    return text.encode()


def _refuse_misplaced(folder: Path, files: Mapping[str, bytes]) -> None:
    """Refuse choices that would not be found, and a folder without any.

    Raises:
        InputError: If there are such.
    """
    groups = [*ROOMS, *SETTINGS]
    for path in files:
        head, _, rest = path.partition("/")
        group = rest.partition("/")[0]
        if head == "conf" and group not in groups:
            accepted = f"accepted: conf/GROUP/NAME.yaml, with a GROUP of {', '.join(groups)}{nearest(group, groups)}"
            raise InputError("include", folder / path, accepted)
        if path.endswith((".yml", ".YAML", ".PY")):
            raise InputError("include", folder / path, "accepted: names that end in .yaml or .py")
    for group in ROOMS:
        yamls = {Path(path).stem for path in files if re.fullmatch(rf"conf/{group}/[^/]+\.yaml", path)}
        found = {Path(path).stem for path in files if re.fullmatch(rf"{ROOMS[group]}/[^_/][^/]*\.py", path)}
        for name in sorted(yamls - found):
            accepted = f"has no {ROOMS[group]}/{name}.py; accepted: both"
            raise InputError("include", folder / yaml_of(group, name), accepted)
        for name in sorted(found - yamls):
            accepted = f"has no {yaml_of(group, name)}; accepted: both, or a name that begins with an underscore"
            raise InputError("include", folder / python_of(group, name), accepted)
        for name in sorted(found):
            if not name.isidentifier():
                accepted = "accepted: a name of letters, digits and underscores"
                raise InputError("include", folder / python_of(group, name), accepted)
    if not any(path.startswith("conf/") for path in files):
        there = sorted(child.name for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
        likely = next((hint for name in there if (hint := nearest(name, ROOMS.values()))), "")
        raise InputError("include", folder, f"it holds no choices; {ACCEPTED}{likely}")
