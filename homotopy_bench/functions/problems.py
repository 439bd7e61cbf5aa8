"""List the problems by name. Their files are imported on use, so that the names cost nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from homotopy_bench.core.errors import InputError, nearest

if TYPE_CHECKING:
    from homotopy_bench.functions.base import Problem

NAMES = ("levy", "rastrigin", "ackley", "rosenbrock", "griewank")
"""One file of this folder each, with a class of the same name."""


def problem_named(name: str) -> Problem:
    """Return a problem.

    Args:
        name: One of NAMES.

    Returns:
        The problem, which holds for any dimension n >= 2.

    Raises:
        InputError: No problem has this name.

    Example:
        >>> problem_named("levy").minimizer
        1.0
    """
    if name not in NAMES:
        raise InputError("PROBLEM", name, f"accepted: {', '.join(NAMES)}{nearest(name, NAMES)}")
    problem: Problem = getattr(import_module(f"homotopy_bench.functions.{name}"), name.capitalize())()
    return problem
