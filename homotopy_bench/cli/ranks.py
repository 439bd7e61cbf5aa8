"""Divide the processes of a launcher: rank 0 runs the command line, and the others serve it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from homotopy_bench.cli.arguments import SINGLE, in_order, is_flag, overrides_of, sources_of
from homotopy_bench.config.mapping import compose_run
from homotopy_bench.core.errors import FAILURE, ArgumentError
from homotopy_bench.hardware.launched import Launched
from homotopy_bench.tracking.origin import MULTIRUN

SEVERAL = "multi_gpu"
"""The choice of ``hardware`` that trains in several processes."""


def on_rank_0(place: Launched | None, run: Callable[[], int], arguments: Sequence[str]) -> int:
    """Return the exit code of a command, which rank 0 of a launcher's processes runs where it wants several of them.

    Otherwise every process runs it, as they would with any other program.

    Args:
        place: The place that a launcher has given this process; None if it stands alone.
        run: The command.
        arguments: Its arguments.
    """
    if place is None or not _wants_several(arguments):
        return run()
    if place.rank:
        from homotopy_bench.training.rank import serve_launcher

        return serve_launcher(place)
    code = run()

    from homotopy_bench.distributed.process_group import END, joined, leave, send
    from homotopy_bench.distributed.ranks import release_launched

    if not joined():
        release_launched(place)
    elif code != FAILURE:  # after a failure they do not listen
        with suppress(RuntimeError):
            send(END, None)
    leave()
    return code


def _wants_several(arguments: Sequence[str]) -> bool:
    """Return whether a command line trains in several processes: it says so, or what it continues or takes does."""
    try:
        ordered = in_order(arguments)
    except ArgumentError:
        return False
    if not all(one in {"-m", "--multirun", *SINGLE} for one in ordered if is_flag(one)):
        return False
    asked = overrides_of(ordered)
    named = [one.partition("=")[2] for one in asked if one.lstrip("+").startswith("hardware=")]
    if named:
        return named[-1] == SEVERAL
    for one in asked:
        if one.startswith("resume="):
            folder = Path(one.partition("=")[2])
            files = [folder / ".hydra" / "config.yaml", folder / MULTIRUN]
            with suppress(OSError, ValueError):  # the latter of bytes that are no text
                return any(SEVERAL in file.read_text(encoding="utf-8") for file in files if file.is_file())
    with suppress(Exception):  # what is wrong with it is said when it is run
        raw, _, _ = compose_run(asked, sources_of(ordered))
        return str(raw["hardware"]["name"]) == SEVERAL
    return False
