"""Mirror the record of a run in its trackers.

What a tracker raises ends that tracker of that run, and nothing else; but a server that was waited for in vain is not
waited for again.
"""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.masking import error_line
from homotopy_bench.loggers.base import FILES, Logger, Point, Run, Tracker, numbers
from homotopy_bench.tracking.origin import origin
from homotopy_bench.tracking.resumable import with_copies

KNOWN = "trackers.json"
"""File of a run's folder with its ids in the trackers, by which they find it again."""

WAITED = 5.0
"""Seconds after which a failure is that of a server that does not answer, the same for all runs."""

POLL_SECONDS = 0.3
"""Time between two reads of the metrics."""

Say = Callable[[str | None, str], None]
"""Callback: (name of a tracker, problem); the name is None where the record cannot be read."""

Content = TypeVar("Content")


class Mirror:
    """Keep the trackers of one run up to date.

    Args:
        loggers: The trackers to open.
        run: The run; its ids in the trackers are read from its folder.
        say: Called with what goes wrong, once per tracker.
        silent: Trackers whose server does not answer, with the problem; all runs share it.
        waited: Seconds after which a failure is of that kind.
    """

    def __init__(
        self,
        loggers: tuple[Logger, ...],
        run: Run,
        say: Say,
        silent: MutableMapping[str, str],
        waited: float = WAITED,
    ) -> None:
        self._folder = run.folder
        self._say, self._silent, self._waited = say, silent, waited
        self._readable = True
        self._read = 0
        self._begun: dict[str, int] = {}
        self._open: dict[str, Tracker] = {}
        known = _known(run.folder)
        for logger in loggers:
            self._attempt(logger.name, partial(self._begin, logger, run, known.get(logger.name)))
        self._attempt(KNOWN, partial(self._keep, known))

    def follow(self) -> None:
        """Tell the trackers of the evaluations since the last call."""
        points = self._from_record(self._points) or []
        for name, tracker in list(self._open.items()):
            new = [point for point in points if point.step > self._begun[name]]
            if new:
                self._attempt(name, partial(tracker.log, new))

    def end(self, summarised: bool) -> None:
        """Tell the trackers of the end, with ``summary.json`` where that is of this end and not of an older one."""
        self.follow()
        files = [self._folder / name for name in FILES if (self._folder / name).is_file()]
        summary = self._from_record(self._summary) if summarised else None
        for name, tracker in list(self._open.items()):
            self._attempt(name, partial(tracker.finish, summary, files))
        self._open.clear()

    def _begin(self, logger: Logger, run: Run, known: str | None) -> None:
        self._open[logger.name] = logger.open(replace(run, known=known))
        # A tracker that knows nothing of a continued run gets all of it.
        self._begun[logger.name] = run.step if known is not None else -1

    def _keep(self, known: Mapping[str, str]) -> None:
        ids = {**known, **{name: tracker.id for name, tracker in self._open.items()}}
        if ids != known:
            write_atomically(self._folder / KNOWN, json.dumps(ids, indent=2).encode() + b"\n")

    def _points(self) -> list[Point]:
        """Return the lines of the metrics that are new and whole."""
        with (self._folder / "metrics.jsonl").open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")[0]
        self._read += len(whole) + bool(whole)
        lines = [json.loads(text) for text in whole.splitlines()]
        return [Point(line["step"], numbers(line)) for line in lines]

    def _summary(self) -> Any:
        file = self._folder / "summary.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    def _from_record(self, read: Callable[[], Content]) -> Content | None:
        """Return what is read from the record; None once it cannot be read, which is said once."""
        if not self._readable:
            return None
        try:
            return read()
        except Exception as error:
            self._readable = False
            self._say(None, f"the trackers cannot read the record ({error_line(error)})")
            return None

    def _attempt(self, name: str, action: Callable[[], None]) -> None:
        problem = self._silent.get(name)
        began = time.monotonic()
        if problem is None:
            try:
                action()
                return
            except Exception as error:
                problem = error_line(error)
                if time.monotonic() - began >= self._waited:
                    self._silent[name] = problem
        self._open.pop(name, None)
        self._say(name, problem)


def _known(folder: Path) -> dict[str, str]:
    try:
        content = json.loads((folder / KNOWN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(known) for name, known in content.items()} if isinstance(content, dict) else {}


def mirror(spec: Mapping[str, Any], say: Say, silent: MutableMapping[str, str]) -> Mirror:
    """Return the trackers of a run, given its ``config``, ``folder`` and ``step``; otherwise as :class:`Mirror`."""
    folder = Path(spec["folder"])
    config = with_copies(spec["config"], folder)
    outputs = Path(config.paths.outputs)
    run = Run(
        folder=folder,
        outputs=outputs,
        name=f"{config.method.name} on {config.dataset.name}, {config.model.name}, seed {config.seed}",
        config={key: value for key, value in config.to_dict().items() if key not in ("paths", "logger")},
        tags=(config.dataset.name, config.model.name, config.method.name),
        **origin(folder, outputs)._asdict(),
        known=None,
        step=spec["step"],
    )
    return Mirror(config.logger.chosen, run, say, silent)


def serve(messages: queue.Queue[dict[str, Any] | None], answer: Callable[[Mapping[str, Any]], None]) -> None:
    """Follow ``{"begin": spec}`` for runs in the order of their numbers and ``{"end": number}``, until None.

    Answers are empty mappings as signs of life, and ``run``, ``tracker`` and ``problem`` of what went wrong;
    ``tracker`` is missing where all trackers of the run are concerned.
    """
    runs: dict[int, Mirror] = {}
    silent: dict[str, str] = {}
    begun = 0

    def say(number: int, tracker: str | None, problem: str) -> None:
        answer({"run": number, **({} if tracker is None else {"tracker": tracker}), "problem": problem})

    while True:
        try:
            message = messages.get(timeout=POLL_SECONDS)
        except queue.Empty:
            for run in runs.values():
                run.follow()
            continue
        if message is None:
            break
        if "begin" in message:
            try:
                runs[begun] = mirror(message["begin"], partial(say, begun), silent)
            except Exception as error:  # of this run alone
                say(begun, None, f"the trackers cannot be opened ({error_line(error)})")
            begun += 1
        elif message["end"] in runs:
            runs.pop(message["end"]).end(summarised=True)
        answer({})
    for run in runs.values():
        run.end(summarised=False)
        answer({})
