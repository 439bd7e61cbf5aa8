"""Ranks that are forked where the package starts new interpreters, each of which needs seconds to load torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from homotopy_bench.distributed import ranks
from homotopy_bench.training import rank
from tests.cli.forks import Fork


class ForkedRanks:
    """What torch's launcher returns, as far as :class:`~homotopy_bench.distributed.ranks.StartedRanks` looks at it."""

    def __init__(self, arguments: Mapping[int, Sequence[str]], variables: Mapping[int, Mapping[str, str]]) -> None:
        self._forks = {
            local: Fork(str(rank.__file__), one[2:], Path.cwd(), {**os.environ, **variables[local]})
            for local, one in arguments.items()
        }
        self.subprocess_handlers = {local: SimpleNamespace(proc=fork) for local, fork in self._forks.items()}

    def close(self) -> None:
        """Remove what the ranks have printed."""
        for fork in self._forks.values():
            fork.communicate(0)


@contextmanager
def forked_ranks() -> Iterator[None]:
    """Let the package's ranks be forks: processes of their own, with everything that follows their start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "start_processes", lambda args, envs, **_: ForkedRanks(args, envs))
        yield
