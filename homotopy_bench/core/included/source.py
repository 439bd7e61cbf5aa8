"""Read Python files of a tree without running them: their syntax, their imports, the functions that make networks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.included.modules import TORCH_FREE
from homotopy_bench.core.included.tree import ROOMS, Tree, python_of

GIVEN = ("input_shape", "classes")
"""Parameters of a function that makes a network which the data decide: they are no keys."""

HEAVY = ("torch", "torchvision", "torchaudio")
"""Packages that are not imported before a run has been checked."""

_PLAIN: dict[str, Any] = {"int": int, "float": float, "str": str, "bool": bool, "None": None}

_TYPES = "int, float, bool, str, Literal[...], list[...], and these with | None"


@dataclass(frozen=True)
class Parameter:
    """Describe a parameter of a function: its type, and its default, ``...`` for none."""

    name: str
    type: Any
    default: Any


@dataclass(frozen=True)
class Maker:
    """Describe a function or class that returns a network.

    Attributes:
        name: Its name.
        about: Its docstring.
        parameters: Those that are keys of a configuration.
        given: Those of :data:`GIVEN` that it takes.
    """

    name: str
    about: str
    parameters: tuple[Parameter, ...]
    given: tuple[str, ...]


def check_source(tree: Tree) -> None:
    """Check the syntax of every Python file of a tree, and that no choice imports torch when it is read.

    Raises:
        InputError: At the first that is wrong; names file and line.
    """
    for path in tree.files:
        if path.endswith(".py"):
            parsed(tree, path)
    for group in ROOMS:
        for name in tree.choices(group):
            path = python_of(group, name)
            if group == "model" and maker_of(tree, name) is not None:
                continue  # it is imported when a network is made
            for line, package in _imports(parsed(tree, path)):
                if package in HEAVY:
                    raise InputError("include", f"{tree.place(path)}:{line}", f"imports {package}; {TORCH_FREE}")


def parsed(tree: Tree, path: str) -> ast.Module:
    """Return the syntax tree of a file.

    Raises:
        InputError: If it is no Python.
    """
    try:
        return ast.parse(tree.text(path), path)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        where = f"{tree.place(path)}:{line}" if line else tree.place(path)
        raise InputError("include", where, f"{getattr(error, 'msg', error)}; accepted: a Python file") from error


def _imports(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and package of every import that happens when a module is imported."""
    waiting: list[ast.AST] = list(module.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Import):
            yield from ((node.lineno, one.name.partition(".")[0]) for one in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, str(node.module).partition(".")[0]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting = [*node.orelse, *waiting]
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting = [
                *(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt | ast.excepthandler)),
                *waiting,
            ]


def maker_of(tree: Tree, name: str) -> Maker | None:
    """Return the function or class of ``models/NAME.py`` that makes a network; None where it holds typed options.

    The function is called as the file; a class may be written in camel case.

    Raises:
        InputError: If there is neither, or a parameter has no type that a key can have.
    """
    path = python_of("model", name)
    body = parsed(tree, path).body
    if any(isinstance(node, ast.ClassDef) and _has_name(node, name) for node in body):
        return None
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or _bare(node.name) != _bare(name):
            continue
        signature: ast.FunctionDef | None = node if isinstance(node, ast.FunctionDef) else None
        if isinstance(node, ast.ClassDef):
            signature = next(
                (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None
            )
        found = _parameters(tree, path, signature, method=isinstance(node, ast.ClassDef))
        own = tuple(one for one in found if one.name not in GIVEN)
        given = tuple(one.name for one in found if one.name in GIVEN)
        return Maker(node.name, ast.get_docstring(node) or f"Network of {tree.origin}.", own, given)
    accepted = f"accepted: a function or class {name} that returns an nn.Module, or a Model with name = '{name}'"
    raise InputError("include", tree.place(path), f"defines no {name}; {accepted}")


def _bare(name: str) -> str:
    return name.replace("_", "").lower()


def _has_name(node: ast.ClassDef, name: str) -> bool:
    """Return whether a class has a field ``name`` whose default is a name."""
    return any(
        isinstance(one, ast.AnnAssign)
        and isinstance(one.target, ast.Name)
        and one.target.id == "name"
        and isinstance(one.value, ast.Constant)
        and one.value.value == name
        for one in node.body
    )


def _parameters(tree: Tree, path: str, signature: ast.FunctionDef | None, *, method: bool) -> list[Parameter]:
    if signature is None:
        return []
    arguments = signature.args
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        where = f"{tree.place(path)}:{signature.lineno}"
        raise InputError("include", where, "has *args, ** or /; accepted: parameters with names, which are the keys")
    positional = arguments.args[1:] if method else arguments.args
    missing: list[ast.expr | None] = [None] * (len(arguments.args) - len(arguments.defaults))
    defaults = [*missing, *arguments.defaults][len(arguments.args) - len(positional) :]
    pairs = [*zip(positional, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return [_parameter(tree, path, *pair) for pair in pairs]


def _parameter(tree: Tree, path: str, argument: ast.arg, default: ast.expr | None) -> Parameter:
    try:
        value = ... if default is None else ast.literal_eval(default)
        if argument.arg in GIVEN:
            return Parameter(argument.arg, Any, value)
        if argument.annotation is None:
            if value is ... or type(value) not in (int, float, str, bool):
                raise ValueError(argument.arg)
            return Parameter(argument.arg, type(value), value)
        return Parameter(argument.arg, _type(argument.annotation), value)
    except (ValueError, SyntaxError) as error:
        accepted = (
            f"parameter '{argument.arg}' has no type that a key can have; accepted: {_TYPES}, with plain defaults"
        )
        raise InputError("include", f"{tree.place(path)}:{argument.lineno}", accepted) from error


def _type(node: ast.expr) -> Any:
    """Return the type that an annotation means, without running it.

    Raises:
        ValueError: If it is none that a key can have.

    Example:
        >>> _type(ast.parse("list[int] | None", mode="eval").body)
        list[int] | None
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _type(ast.parse(node.value, mode="eval").body)
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    if isinstance(node, ast.Name) and node.id in _PLAIN:
        return _PLAIN[node.id]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _type(node.left) | _type(node.right)
    if isinstance(node, ast.Subscript):
        name = ast.unparse(node.value).rpartition(".")[2]
        if name == "Literal":
            values = ast.literal_eval(node.slice)
            return Literal[values if isinstance(values, tuple) else (values,)]
        if name == "list":
            return list[_type(node.slice)]  # type: ignore[misc]  # it is made here
    raise ValueError(ast.unparse(node))
