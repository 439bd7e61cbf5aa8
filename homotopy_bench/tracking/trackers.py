"""Start and stop the process of the trackers from the training.

    training -> record on disk -> :mod:`homotopy_bench.tracking.tracker_process` -> W&B, TensorBoard, MLflow

The process reads the record, so that the training only says which runs begin and end. No tracker can stop or alter the
training, nor take its time as long as there is a processor for both. Each problem is printed once and kept in
``train.log``.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homotopy_bench.config.schema import Config
from homotopy_bench.loggers.base import SILENCE
from homotopy_bench.tracking.tracker_process import read_messages

BOOT = "import sys; sys.path.append(sys.argv[1]); from homotopy_bench.tracking.tracker_process import main; main()"

ROOT = Path(__file__).parent.parent.parent
"""Folder of the package, for the import path of the other process."""

LIMIT = 600.0
"""Seconds that the trackers have after the training, with signs of life."""


@dataclass(frozen=True)
class Followed:
    """Describe a run for its trackers: configuration, folder, first step, and a callback for problems."""

    config: Config
    folder: Path
    step: int
    note: Callable[[str], None]


class Trackers:
    """Run the trackers of runs that train together; no-op without loggers.

    Args:
        runs: The runs.
        warn: Called with each problem once.
        silence: Seconds without a sign of life after which the end is not waited for.
        limit: Seconds after which it is not waited for with signs of life either.
    """

    def __init__(
        self,
        runs: Sequence[Followed],
        warn: Callable[[str], None],
        silence: float = SILENCE,
        limit: float = LIMIT,
    ) -> None:
        self._runs = [run for run in runs if run.config.logger.chosen]
        self._number = {run.folder: number for number, run in enumerate(self._runs)}
        self._warn, self._silence, self._limit = warn, silence, limit
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._said: set[str] = set()
        self._ended: set[Path] = set()
        self._process: subprocess.Popen[str] | None = None
        if self._runs:
            chosen = [logger for run in self._runs for logger in run.config.logger.chosen]
            variables = {name: value for logger in chosen for name, value in logger.variables.items()}
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", BOOT, str(ROOT)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    encoding="utf-8",
                    env={**variables, **os.environ},
                    # Ctrl-C is for the training; the trackers then learn how it ended.
                    start_new_session=True,
                )
                reader = (self._process.stdout, self._answers)
                threading.Thread(target=read_messages, args=reader, daemon=True).start()
            except OSError as error:
                self._problem(None, f"the trackers cannot be started ({error.strerror})")
        for run in self._runs:
            spec = {"config": run.config.to_dict(), "folder": str(run.folder.absolute()), "step": run.step}
            self._tell({"begin": spec})

    def look(self) -> None:
        """Report what has gone wrong since the last look."""
        with suppress(queue.Empty):
            while True:
                self._take(self._answers.get_nowait())

    def end(self, folder: Path) -> None:
        """Say that the record in a run's folder is complete."""
        if folder in self._number and folder not in self._ended:
            self._ended.add(folder)
            self._tell({"end": self._number[folder]})

    def close(self) -> None:
        """Wait until the trackers have everything, within limits and as long as they give signs of life."""
        process = self._process
        if process is None:
            return
        self._process = None
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.close()
        until = time.monotonic() + self._limit
        try:
            while (answer := self._answers.get(timeout=self._silence)) is not None:
                self._take(answer)
                if time.monotonic() > until:
                    self._problem(None, f"the trackers need more than {self._limit:g} s, they are left behind")
                    return
            if process.wait(self._silence):
                self._problem(None, f"the process of the trackers ended with code {process.returncode}")
        except (queue.Empty, subprocess.TimeoutExpired):
            self._problem(None, f"no sign of life of the trackers for {self._silence:g} s, they are left behind")
        finally:
            process.kill()
            process.wait()

    def _tell(self, message: Mapping[str, Any]) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):  # a process that is gone is noticed at the end
                print(json.dumps(message), file=self._process.stdin, flush=True)

    def _take(self, answer: Mapping[str, Any] | None) -> None:
        if answer is None:
            self._answers.put(None)  # for close()
            raise queue.Empty
        if "problem" in answer:
            run = self._runs[answer["run"]] if "run" in answer else None
            tracker = f"logger {answer['tracker']}: " if "tracker" in answer else ""
            self._problem(run, f"{tracker}{answer['problem']}")

    def _problem(self, run: Followed | None, what: str) -> None:
        message = f"{what}; training and record are not affected"
        for one in self._runs if run is None else [run]:
            one.note(message)
        if message not in self._said:
            self._said.add(message)
            self._warn(message)
