"""Replay the learning rates that another run had, as a control."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any, Literal, NoReturn

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import DamagedFile, read_json_lines
from homotopy_bench.optim.lr_schedules.base import Array, LRSchedule


class Trace(LRSchedule):
    """eta(u) = the learning rate that the run in the folder ``run`` had at the same progress u.

    ``optimizer.lr`` is ignored: the rates are absolute. They come from the lines of that run's ``metrics.jsonl``. A
    line with step k of S has the rate of that step, which began at u = (k-1)/S; between these points eta is linear, and
    before the first one it is that one's. Of a method that sets its own rate, this tells the effect of the rate from
    the effect of all else. The folder must still be there when a run is continued.

    Example:
        >>> import json, tempfile
        >>> run = Path(tempfile.mkdtemp())
        >>> lines = [{"step": 1, "u": 0.2, "lr": 0.4}, {"step": 5, "u": 1.0, "lr": 0.2}]
        >>> _ = (run / "metrics.jsonl").write_text("".join(json.dumps(line) + chr(10) for line in lines))
        >>> Trace(run=str(run)).table(5, lr=1.0).round(12).tolist()
        [0.4, 0.35, 0.3, 0.25, 0.2]
    """

    name: Literal["trace"] = "trace"
    run: str | None = None

    def rates(self, u: Array, lr: float) -> Array:  # noqa: ARG002 - the trace is absolute
        """Return the traced run's rates at every progress ``u``, whatever ``lr`` is."""
        import numpy as np

        progress, rates = self._read()
        return np.interp(u, progress, rates)

    def check_sources(self) -> None:
        """Read the trace once; a run without one, or whose trace cannot be replayed, is an input error."""
        self._read()

    def _read(self) -> tuple[list[float], list[float]]:
        """Return where the traced run's rates stand, and the rates.

        Raises:
            InputError: If there is no such run, or its rates do not describe a whole training.
        """
        if self.run is None:
            self._refuse("this schedule replays the learning rates of another run")
        folder = Path(self.run)
        if not folder.is_dir():
            self._refuse("no such folder")
        try:
            lines = read_json_lines(folder / "metrics.jsonl")
        except DamagedFile as error:
            self._refuse(f"its {error}")
        except OSError as error:
            self._refuse(f"its metrics.jsonl cannot be read ({error.strerror})")
        if not lines:
            self._refuse("its metrics.jsonl is missing or has no complete line")
        for number, line in enumerate(lines, start=1):
            if not all(_positive(line.get(key)) for key in ("step", "u")):
                self._refuse(f"line {number} of its metrics.jsonl has no step and no u")
            if line.get("lr") != 0 and not _positive(line.get("lr")):
                self._refuse(f"line {number} of its metrics.jsonl has the learning rate {line.get('lr')}, not one >= 0")
        if lines[-1]["u"] != 1.0:
            self._refuse(f"its metrics.jsonl ends at u = {lines[-1]['u']:.3g}, before the end of its training")
        steps = lines[-1]["step"]
        return [(line["step"] - 1) / steps for line in lines], [line["lr"] for line in lines]

    def _refuse(self, problem: str) -> NoReturn:
        value = "null" if self.run is None else self.run
        raise InputError("lr_schedule.run", value, f"{problem}; accepted: the folder of a run that has ended")


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value > 0
