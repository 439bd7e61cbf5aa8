"""The process beside the training: reads the records of runs as they grow, and tells the trackers.

It learns on its standard input which runs begin and end, one JSON mapping per line, and answers on its standard output
what went wrong. When its input ends, the training has ended, or its process has died.

What a tracker raises ends that tracker of that run, and nothing else; but a server that was waited for in vain is not
waited for again.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from homotopy_bench.files import write_atomically

if TYPE_CHECKING:
    from homotopy_bench.tracking.loggers.base import Logger, Point, Run, Tracker

POLL_SECONDS = 0.3
"""Time between two looks at the metrics."""

NICE = 10
"""The training goes first where there are not enough processors for both."""

KNOWN = "trackers.json"
"""File of a run's folder: what finds its runs in the trackers again."""

WAITED = 5.0
"""Seconds after which a failure is that of a server that does not answer, the same for all runs."""

Say = Callable[[str | None, str], None]
"""Told the name of a tracker and what went wrong with it; None where it is the record that cannot be read."""

Content = TypeVar("Content")


class Mirror:
    """The trackers of one run.

    Args:
        loggers: What is to be opened.
        run: The run; what each tracker knows of it already is looked up in its folder.
        say: Told what goes wrong, once per tracker.
        silent: Trackers whose server does not answer, and what was said of it; those of all runs share it.
        waited: Seconds after which a failure is of that kind.
    """

    def __init__(
        self,
        loggers: tuple[Logger, ...],
        run: Run,
        say: Say,
        silent: MutableMapping[str, str] | None = None,
        waited: float = WAITED,
    ) -> None:
        self._folder = run.folder
        self._say = say
        self._silent: MutableMapping[str, str] = {} if silent is None else silent
        self._waited = waited
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
        """Tell the trackers of the end.

        Args:
            summarised: Whether ``summary.json`` is that of this end; it may be an older one where a process died.
        """
        from homotopy_bench.tracking.loggers.base import FILES

        self.follow()
        files = [self._folder / name for name in FILES if (self._folder / name).is_file()]
        summary = self._from_record(self._summary) if summarised else None
        for name, tracker in list(self._open.items()):
            self._attempt(name, partial(tracker.finish, summary, files))
        self._open.clear()

    def _begin(self, logger: Logger, run: Run, known: str | None) -> None:
        from dataclasses import replace

        self._open[logger.name] = logger.open(replace(run, known=known))
        # A tracker that knows nothing of a continued run gets all of it.
        self._begun[logger.name] = run.step if known is not None else -1

    def _keep(self, known: Mapping[str, str]) -> None:
        ids = {**known, **{name: tracker.id for name, tracker in self._open.items()}}
        if ids != known:
            write_atomically(self._folder / KNOWN, json.dumps(ids, indent=2).encode() + b"\n")

    def _points(self) -> list[Point]:
        """Return the lines of the metrics that are new and whole."""
        from homotopy_bench.tracking.loggers.base import Point, numbers

        with (self._folder / "metrics.jsonl").open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")[0]
        if not whole:
            return []
        self._read += len(whole) + 1
        lines = [json.loads(text) for text in whole.split(b"\n")]
        return [Point(line["step"], line["t"], dict(numbers(line))) for line in lines]

    def _summary(self) -> dict[str, Any] | None:
        file = self._folder / "summary.json"
        content: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
        return content

    def _from_record(self, read: Callable[[], Content]) -> Content | None:
        """Return what is read from the record; None once it cannot be read, which is said and nothing more."""
        if not self._readable:
            return None
        try:
            return read()
        except Exception as error:
            self._readable = False
            self._say(None, f"the trackers cannot read the record ({_worded(error)})")
            return None

    def _attempt(self, name: str, action: Callable[[], None]) -> None:
        problem = self._silent.get(name)
        began = time.monotonic()
        if problem is None:
            try:
                action()
                return
            except Exception as error:
                problem = _worded(error)
                if time.monotonic() - began >= self._waited:
                    self._silent[name] = problem
        self._open.pop(name, None)
        self._say(name, problem)


def _worded(error: Exception) -> str:
    """Return an error in one line without credentials."""
    from homotopy_bench.tracking.secrets import masked

    return masked(" ".join(f"{type(error).__name__}: {error}".split()))[:300]


def _known(folder: Path) -> dict[str, str]:
    try:
        content = json.loads((folder / KNOWN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(known) for name, known in content.items()} if isinstance(content, dict) else {}


def mirror(spec: Mapping[str, Any], say: Say, silent: MutableMapping[str, str]) -> Mirror:
    """Return the trackers of a run.

    Args:
        spec: Its ``config``, ``folder`` and ``step``, as :mod:`homotopy_bench.tracking.trackers` writes them.
        say: Told what goes wrong.
        silent: Trackers whose server does not answer.
    """
    from homotopy_bench.config import validate
    from homotopy_bench.tracking.loggers.base import Run
    from homotopy_bench.tracking.origin import origin

    config = validate(spec["config"])
    folder, outputs = Path(spec["folder"]), Path(config.paths.outputs)
    names = (config.dataset.name, config.model.name, config.method.name)
    group, job_type = origin(folder, outputs)
    run = Run(
        folder=folder,
        outputs=outputs,
        name=f"{config.method.name} on {config.dataset.name}, {config.model.name}, seed {config.seed}",
        config={key: value for key, value in config.to_dict().items() if key not in ("paths", "logger")},
        tags=names,
        group=group,
        job_type=job_type,
        known=None,
        step=spec["step"],
    )
    return Mirror(config.logger.chosen, run, say, silent)


def serve(messages: queue.Queue[dict[str, Any] | None], answer: Callable[[Mapping[str, Any]], None]) -> None:
    """Do what messages say until they end.

    Args:
        messages: ``{"begin": spec}`` for runs in the order of their numbers, ``{"end": number}``, and None at the end.
        answer: Given an empty mapping as a sign of life, and ``run``, ``tracker`` and ``problem`` of what went wrong;
            no ``tracker`` where all trackers of the run are concerned.
    """
    runs: dict[int, Mirror] = {}
    silent: dict[str, str] = {}
    begun = 0

    def say(number: int) -> Say:
        def told(tracker: str | None, problem: str) -> None:
            answer({"run": number, **({} if tracker is None else {"tracker": tracker}), "problem": problem})

        return told

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
                runs[begun] = mirror(message["begin"], say(begun), silent)
            except Exception as error:  # of this run alone
                say(begun)(None, f"the trackers cannot be opened ({_worded(error)})")
            begun += 1
        elif message["end"] in runs:
            runs.pop(message["end"]).end(summarised=True)
        answer({})
    for run in runs.values():
        run.end(summarised=False)
        answer({})


def main() -> None:
    """Serve standard input and output."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    # What libraries print is for nobody: only answers go out.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(silence, stream.fileno())
    messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
    # At once, before anything is imported: who writes must never wait for a reader.
    threading.Thread(target=_read, args=(sys.stdin, messages), daemon=True).start()

    def answer(content: Mapping[str, Any]) -> None:
        try:
            answers.write(json.dumps(content) + "\n")
            answers.flush()
        except BrokenPipeError:  # the training's process has died; its runs are closed all the same
            pass

    try:
        serve(messages, answer)
    except Exception as error:
        answer({"problem": _worded(error)})
    # Everything is finished and closed: what libraries do at the end of a process is not waited for.
    os._exit(0)


def _read(stream: IO[str], messages: queue.Queue[dict[str, Any] | None]) -> None:
    for line in stream:
        messages.put(json.loads(line))
    messages.put(None)
