"""What 64 jobs cost besides their training, from the command line to the last record, in one process.

A multirun with ``hydra/launcher=fused`` of two methods and 32 seeds; its training is as short as it can be. Whatever is
not training is timed: the sweeper's check and the composition of every job, folders and ``.hydra/``, and the records
that the members write. Pictures are told apart: a run draws its own, alone or beside others.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from homotopy_bench.cli.train import main
from homotopy_bench.runs import many
from homotopy_bench.runs.member import Member

JOBS = 64
OVERRIDES = (
    "seed=range(0,32)",
    "method=baseline,identity_homotopy",
    "model.depth=2",
    "training.epochs=1",
    "dataset.samples=200",
    "hydra.launcher.probe=false",
    "hydra.launcher.threads=1",
)


class Clock:
    """Seconds spent in calls, those inside others counted once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the clock run inside the context."""
        begin = time.perf_counter()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self.seconds += time.perf_counter() - begin

    @contextmanager
    def over(self, owner: Any, name: str) -> Iterator[None]:
        """Let the clock run in every call of one function inside the context."""
        function: Callable[..., Any] = getattr(owner, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            with self.running():
                return function(*arguments, **named)

        setattr(owner, name, timed)
        try:
            yield
        finally:
            setattr(owner, name, function)


def run(rounds: int) -> dict[str, float]:
    """Measure and return seconds.

    Args:
        rounds: Timed multiruns.

    Returns:
        ``overhead_s``: composition, folders and records of all 64 jobs; ``launch_s``: of these, what is not the records
        of the training; ``records_s``: those; ``pictures_s``: drawing 64 ``curves.png``, not in the overhead;
        medians.
    """
    _multirun()  # imports
    measured = [_multirun() for _ in range(rounds)]
    return {name: statistics.median(one[name] for one in measured) for name in measured[0]}


def _multirun() -> dict[str, float]:
    whole, training, records, pictures = Clock(), Clock(), Clock(), Clock()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(training.over(many, "train_members"))
        for name in ("write", "save", "finish"):
            stack.enter_context(records.over(Member, name))
        stack.enter_context(pictures.over(Member, "_draw"))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(whole.running())
        sys.argv = ["homotopy-train", "-m", "hydra/launcher=fused", f"hydra.sweep.dir={folder}", *OVERRIDES]
        code = main()
    if code:
        raise SystemExit(f"the multirun ended with exit code {code}")
    launch, written = whole.seconds - training.seconds, records.seconds - pictures.seconds
    return {"overhead_s": launch + written, "launch_s": launch, "records_s": written, "pictures_s": pictures.seconds}
