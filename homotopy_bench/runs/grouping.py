"""Group runs that can train as one program.

>>> from homotopy_bench import compose
>>> jobs = [compose(f"model.depth={depth}", f"seed={seed}") for seed in (0, 1) for depth in (2, 3)]
>>> groups(jobs)
[[0, 2], [1, 3]]
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import TypeVar

from homotopy_bench.config.program import Keys
from homotopy_bench.config.schema import Config

T = TypeVar("T")


def groups(configs: Sequence[Config], steps: Sequence[int] | None = None) -> list[list[int]]:
    """Return which runs train together (:mod:`homotopy_bench.config.program`).

    Runs without a path join the first run of their kind that has one.

    Args:
        configs: The runs.
        steps: The step that each continues from; None where all are at their beginning.

    Returns:
        Indices of the runs of every group, ascending; groups in the order of their first run.
    """
    programs = [config.program() for config in configs]
    each = zip(configs, programs, steps or [0] * len(configs), strict=True)
    kinds: list[Hashable] = [(program.shared, str(config.paths.data_root()), step) for config, program, step in each]
    path_of: dict[Hashable, Keys] = {}
    for kind, program in zip(kinds, programs, strict=True):
        if program.method is not None:
            path_of.setdefault(kind, program.method)
    found: dict[Hashable, list[int]] = {}
    for index, (kind, program) in enumerate(zip(kinds, programs, strict=True)):
        path = path_of.get(kind) if program.method is None else program.method
        found.setdefault((kind, path), []).append(index)
    return list(found.values())


def split(members: Sequence[T], largest: int) -> list[list[T]]:
    """Return a group in as few parts of at most ``largest`` >= 1 members as possible, about equal.

    Example:
        >>> split(range(10), 4)
        [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]
    """
    parts = max(-(-len(members) // largest), 1)
    size, more = divmod(len(members), parts)
    ends = [part * size + min(part, more) for part in range(parts + 1)]
    return [list(members[begin:end]) for begin, end in pairwise(ends)]
