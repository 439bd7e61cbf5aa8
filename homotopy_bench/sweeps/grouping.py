"""Which runs can train as one program: pure functions of configurations.

>>> from homotopy_bench import compose
>>> jobs = [compose(f"model.depth={depth}", f"seed={seed}") for seed in (0, 1) for depth in (2, 3)]
>>> groups(jobs)
[[0, 2], [1, 3]]
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Any

from homotopy_bench.config import Config

PER_MEMBER = ("clip_norm", "l1", "l2", "label_smoothing")
"""Keys of ``training`` that are numbers of a member's own."""


def program(config: Config) -> Hashable:
    """Return what runs must agree in to be members of one ensemble.

    Left out is what is a member's own: its seed, its path t(u), its open-loop learning rates, and the numbers of the
    optimiser, of clipping, of penalties and of label smoothing.

    Args:
        config: The run.

    Returns:
        Equal for two runs if and only if one program can train both.
    """
    content: dict[str, Any] = config.to_dict()
    del content["seed"], content["logger"]
    content["paths"] = content["paths"]["data"]
    content["training"] = {key: value for key, value in content["training"].items() if key not in PER_MEMBER}
    content["optimizer"] = config.optimizer.name
    content["continuation"] = content["continuation"].get("check_fraction")
    measured = getattr(config.lr_schedule, "program", None)
    content["lr_schedule"] = None if measured is None else measured()
    return json.dumps(content, sort_keys=True)


def groups(configs: Sequence[Config], steps: Sequence[int] | None = None) -> list[list[int]]:
    """Return which runs train together.

    Args:
        configs: The runs.
        steps: The step that each continues from; None where all are at their beginning.

    Returns:
        Indices of the runs of every group, ascending; groups in the order of their first run.
    """
    found: dict[Hashable, list[int]] = {}
    for index, config in enumerate(configs):
        found.setdefault((program(config), 0 if steps is None else steps[index]), []).append(index)
    return list(found.values())


def split(members: Sequence[int], largest: int) -> list[list[int]]:
    """Return a group in as few parts as possible, about equal.

    Args:
        members: Indices of its runs.
        largest: Number of members that one part may have, at least 1.

    Example:
        >>> split(range(10), 4)
        [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]
    """
    parts = max(-(-len(members) // largest), 1)
    size, more = divmod(len(members), parts)
    ends = [part * size + min(part, more) for part in range(parts + 1)]
    return [list(members[begin:end]) for begin, end in pairwise(ends)]
