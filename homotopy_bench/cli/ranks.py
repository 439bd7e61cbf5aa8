"""Divide the processes of a launcher: rank 0 runs the command line, and the others serve it."""

from __future__ import annotations

from collections.abc import Callable

from homotopy_bench.core.errors import FAILURE
from homotopy_bench.hardware.launched import launched


def on_rank_0(run: Callable[[], int]) -> int:
    """Return the exit code of a command, which rank 0 of a launcher's processes runs; of the others 0.

    Args:
        run: The command.
    """
    place = launched()
    if place is None:
        return run()
    if place.rank:
        from homotopy_bench.training.rank import serve_launcher

        serve_launcher(place)
        return 0
    code = run()

    from homotopy_bench.distributed.process_group import joined
    from homotopy_bench.distributed.ranks import release_launched
    from homotopy_bench.training.parallel import end_ranks

    if not joined():
        release_launched(place)
    elif code != FAILURE:  # after a failure they may not listen; the launcher ends them
        end_ranks()
    return code
