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
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

NICE = 10
"""The training goes first where there are not enough processors for both."""


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
    threading.Thread(target=read_messages, args=(sys.stdin, messages), daemon=True).start()

    def answer(content: Mapping[str, Any]) -> None:
        with suppress(BrokenPipeError):  # the training's process has died; its runs are closed all the same
            print(json.dumps(content), file=answers, flush=True)

    from homotopy_bench.core.masking import error_line
    from homotopy_bench.tracking.mirror import serve

    try:
        serve(messages, answer)
    except Exception as error:
        answer({"problem": error_line(error)})
    # Everything is finished and closed: what libraries do at the end of a process is not waited for.
    os._exit(0)


def read_messages(stream: IO[str], messages: queue.Queue[dict[str, Any] | None]) -> None:
    """Put a mapping per line of a stream into a queue, and None at its end."""
    with stream:
        for line in stream:
            messages.put(json.loads(line))
    messages.put(None)
