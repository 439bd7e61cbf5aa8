"""Keep the trees of this process by the hashes of their text, and import Python from them.

The module of ``methods/NAME.py`` in a tree is ``homotopy_included_KEY.methods.NAME``: the name says what the module
holds, so that it is the same in every process, and two versions of one file are two modules. Modules are made from the
text in memory, which is what was hashed; nothing is written beside the files.

The table of trees only grows, and what a key stands for never changes: it is a cache, as ``sys.modules`` is.
"""

from __future__ import annotations

import importlib
import linecache
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.included.tree import KEY, Tree

PREFIX = "homotopy_included_"
"""Beginning of the name of a tree's package."""

TORCH_FREE = "a choice is read before torch is loaded; accepted: imports of torch inside functions"

_TREES: dict[str, Tree] = {}


def register(trees: Iterable[Tree]) -> None:
    """Let trees be found by their keys, in this process; of equal ones the last says in messages where it was read."""
    for tree in trees:
        _TREES[tree.key] = tree


def trees_of(keys: Iterable[str]) -> tuple[Tree, ...]:
    """Return the trees of keys.

    Raises:
        InputError: If one is not at hand.
    """
    found = []
    for key in keys:
        tree = _TREES.get(str(key))
        if tree is None:
            accepted = "the text that this names is not at hand; accepted: include=FOLDER, or the folder of a run"
            raise InputError("include", key, accepted)
        found.append(tree)
    return tuple(found)


def key_of(kind: type) -> str | None:
    """Return the key of the tree that a class comes from; None for a built-in one."""
    module = kind.__module__
    return module[len(PREFIX) :][:KEY] if module.startswith(PREFIX) else None


def module_name(tree: Tree, path: str) -> str:
    """Return the name of the module of a Python file."""
    return ".".join([PREFIX + tree.key, *path.removesuffix(".py").split("/")])


def import_from(tree: Tree, path: str, *, torch_free: bool) -> ModuleType:
    """Return the module of a Python file of a tree, imported once in a process.

    Args:
        tree: The tree; it must be registered.
        path: The file.
        torch_free: Whether an import of torch by the file is refused before torch is loaded.

    Raises:
        InputError: If the file cannot be imported; names the line.
    """
    try:
        with _without_torch(torch_free):
            return importlib.import_module(module_name(tree, path))
    except Exception as error:  # whatever foreign code raises
        line = _line_in(tree, error)
        what = TORCH_FREE if isinstance(error, _TorchError) else f"{type(error).__name__}: {error}"
        where = f"{tree.place(path)}:{line}" if line else tree.place(path)
        raise InputError("include", where, f"cannot be imported ({what})") from error


def _line_in(tree: Tree, error: Exception) -> int | None:
    """Return the last line of a tree's own files that an error came through."""
    if isinstance(error, SyntaxError):
        return error.lineno
    files = {tree.place(path) for path in tree.files}
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    return lines[-1] if lines else None


class _TorchError(ImportError):
    """Report that torch is imported where it must not be."""


class _NoTorch(MetaPathFinder):
    """Refuses torch."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "torch":
            raise _TorchError("torch")


@contextmanager
def _without_torch(asked: bool) -> Iterator[None]:
    if not asked or "torch" in sys.modules:
        yield
        return
    guard = _NoTorch()
    sys.meta_path.insert(0, guard)
    try:
        yield
    finally:
        sys.meta_path.remove(guard)


class _Finder(MetaPathFinder):
    """Finds modules of registered trees."""

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if not fullname.startswith(PREFIX):
            return None
        head, *rest = fullname.split(".")
        tree = _TREES.get(head.removeprefix(PREFIX))
        if tree is None:
            return None
        inner = "/".join(rest)
        file = f"{inner}.py"
        if file in tree.files:
            return ModuleSpec(fullname, _Loader(tree, file), origin=tree.place(file))
        if not rest or any(one.startswith(f"{inner}/") and one.endswith(".py") for one in tree.files):
            package = f"{inner}/__init__.py" if f"{inner}/__init__.py" in tree.files else None
            return ModuleSpec(fullname, _Loader(tree, package), is_package=True)
        return None


class _Loader(InspectLoader):
    """Makes a module from the text of a tree; an empty one where there is no file."""

    def __init__(self, tree: Tree, file: str | None) -> None:
        self._tree, self._file = tree, file

    def get_source(self, fullname: str) -> str:  # noqa: ARG002 - a loader is made for one module
        return "" if self._file is None else self._tree.text(self._file)

    def get_code(self, fullname: str) -> object:  # type: ignore[override]  # a code object has no public type
        source = self.get_source(fullname)
        name = f"<{fullname}>" if self._file is None else self._tree.place(self._file)
        # So that tracebacks show what runs, whatever has become of the file.
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        return compile(source, name, "exec", dont_inherit=True)

    def is_package(self, fullname: str) -> bool:  # noqa: ARG002 - as above
        return self._file is None or self._file.endswith("__init__.py")

    def exec_module(self, module: ModuleType) -> None:
        """Run the text in a new module."""
        if self._file is not None:
            module.__file__ = self._tree.place(self._file)
        exec(self.get_code(module.__name__), module.__dict__)  # type: ignore[arg-type]  # a code object


sys.meta_path.append(_Finder())
