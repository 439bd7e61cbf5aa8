"""The process beside a training that follows its metrics and tells the loggers."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass
from homotopy_bench.tracking.mirror import Mirror, Say, _worded

POLL_SECONDS = 0.3
"""Time between two looks at the metrics."""


NICE = 10
"""The training goes first where there are not enough processors for both."""


def mirror(spec: Mapping[str, Any], say: Say, silent: MutableMapping[str, str]) -> Mirror:
    """Return the trackers of a run.

    Args:
        spec: Its ``config``, ``folder`` and ``step``, as :mod:`homotopy_bench.tracking.trackers` writes them.
        say: Told what goes wrong.
        silent: Trackers whose server does not answer.
    """
    from homotopy_bench.config.validation import validate
    from homotopy_bench.loggers.base import Run
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
