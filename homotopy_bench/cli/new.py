"""Provide the entry point ``homotopy-new``: write a choice of one's own, which works, into a folder."""

from __future__ import annotations

import ast
import keyword
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from homotopy_bench.cli.command import exit_code
from homotopy_bench.cli.parser import OneLineParser
from homotopy_bench.core.conf_files import choices_of
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.included.tree import python_of, yaml_of

TEMPLATES = Path(__file__).parent / "templates"

KINDS = ("method", "model", "dataset")

EXAMPLES = """\
examples:
  homotopy-new method skip_fading                 writes methods/skip_fading.py, its YAML file and its test here
  homotopy-new model mixer --folder ideas         the same of a model, in the folder ideas
  homotopy-train include=ideas model=mixer        trains it
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Its words; None for those of this process.

    Returns:
        The exit code.
    """
    parser = OneLineParser(
        prog="homotopy-new", description="Write a working choice of your own, with its test.", epilog=EXAMPLES
    )
    parser.add_argument("kind", choices=KINDS, help="what to write")
    parser.add_argument("name", metavar="NAME", help="its name, of letters, digits and underscores")
    parser.add_argument("--folder", metavar="FOLDER", default=".", help="the folder of choices (default: this one)")
    words = sys.argv[1:] if arguments is None else arguments
    asked = parser.parse_args(words)
    return exit_code("homotopy-new", lambda: _write(asked.kind, asked.name, Path(asked.folder)), words)


def _write(kind: str, name: str, folder: Path) -> int:
    for path in new_choice(kind, name, folder):
        print(path)
    print(f"homotopy-train include={folder} {kind}={name}")
    return 0


def new_choice(kind: str, name: str, folder: Path) -> Sequence[Path]:
    """Write a choice: its Python file, its YAML file and its test.

    Args:
        kind: One of :data:`KINDS`.
        name: Its name.
        folder: The folder of choices; it is made if it is missing.

    Returns:
        The files.

    Raises:
        InputError: If the name cannot be one, is taken, or a file is there already or cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name) or keyword.iskeyword(name):
        accepted = "accepted: at most 100 small letters, digits and underscores, a letter first, no word of Python"
        raise InputError("NAME", name, accepted)
    if name in choices_of(kind):
        raise InputError("NAME", name, f"a built-in {kind} has this name; accepted: another one")
    camel = "".join(part.capitalize() for part in name.split("_"))
    if not {name, camel}.isdisjoint(_imported(kind)):
        raise InputError("NAME", name, f"the file of a {kind} imports this name; accepted: another one")
    files = {
        folder / python_of(kind, name): "NAME.py.txt",
        folder / yaml_of(kind, name): "NAME.yaml",
        folder / "tests" / f"test_{name}.py": "test_NAME.py.txt",
    }
    for path in files:
        if path.exists():
            raise InputError("NAME", name, f"{path} is there already; accepted: another name, or another --folder")
    for path, template in files.items():
        text = (TEMPLATES / kind / template).read_text(encoding="utf-8")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("NAME", name).replace("CLASS", camel), encoding="utf-8")
        except OSError as error:
            accepted = f"{path} cannot be written ({error.strerror}); accepted: a folder that can"
            raise InputError("--folder", folder, accepted) from error
    return list(files)


def _imported(kind: str) -> set[str]:
    """Return the names that the template of a kind imports, which what is defined in it would hide."""
    tree = ast.parse((TEMPLATES / kind / "NAME.py.txt").read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


if __name__ == "__main__":
    sys.exit(main())
