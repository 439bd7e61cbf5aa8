"""Run the process beside a training: it reads the records of runs as they grow, and tells the trackers.

It learns on its standard input which runs begin and end, one JSON mapping per line, and answers on its standard output
with signs of life and problems. When its input ends, the training has ended, or its process has died.

``multiprocessing`` would not do in place of these lines: its spawned child runs the user's main module again, so that a
script that calls :func:`homotopy_bench.train` without a main guard would train twice, and a write into its pipe
waits for a child that is still importing, once the configurations of an ensemble have filled the pipe.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homotopy_bench.tracking.mirror import Mirror, Say

POLL_SECONDS = 0.3
"""Time between two reads of the metrics."""

NICE = 10
"""The training goes first where there are not enough processors for both."""


def mirror(spec: Mapping[str, Any], say: Say, silent: MutableMapping[str, str]) -> Mirror:
    """Return the trackers of a run, given its ``config``, ``folder`` and ``step``; otherwise as :class:`Mirror`."""
    from homotopy_bench.config.validation import validate
    from homotopy_bench.loggers.base import Run
    from homotopy_bench.tracking.mirror import Mirror
    from homotopy_bench.tracking.origin import origin

    config = validate(spec["config"])
    folder, outputs = Path(spec["folder"]), Path(config.paths.outputs)
    group, job_type = origin(folder, outputs)
    run = Run(
        folder=folder,
        outputs=outputs,
        name=f"{config.method.name} on {config.dataset.name}, {config.model.name}, seed {config.seed}",
        config={key: value for key, value in config.to_dict().items() if key not in ("paths", "logger")},
        tags=(config.dataset.name, config.model.name, config.method.name),
        group=group,
        job_type=job_type,
        known=None,
        step=spec["step"],
    )
    return Mirror(config.logger.chosen, run, say, silent)


def serve(messages: queue.Queue[dict[str, Any] | None], answer: Callable[[Mapping[str, Any]], None]) -> None:
    """Follow messages until they end.

    Args:
        messages: ``{"begin": spec}`` for runs in the order of their numbers, ``{"end": number}``, and None at the end.
        answer: Called with an empty mapping as a sign of life, and with ``run``, ``tracker`` and ``problem`` of what
            went wrong; ``tracker`` is missing where all trackers of the run are concerned.
    """
    from homotopy_bench.tracking.mirror import worded

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
                say(begun, None, f"the trackers cannot be opened ({worded(error)})")
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
    # What libraries print is dropped: only answers go out.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(silence, stream.fileno())
    messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
    # At once, before anything heavy is imported: the training must never wait for a reader.
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
        from homotopy_bench.tracking.mirror import worded

        answer({"problem": worded(error)})
    # Everything is finished and closed: what libraries do at the end of a process is not waited for.
    os._exit(0)


def _read(stream: IO[str], messages: queue.Queue[dict[str, Any] | None]) -> None:
    for line in stream:
        messages.put(json.loads(line))
    messages.put(None)
