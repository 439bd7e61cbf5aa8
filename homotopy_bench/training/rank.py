"""Be a rank other than 0: one that :class:`~homotopy_bench.distributed.ranks.StartedRanks` or a launcher has started.

The former's command is ``python -m homotopy_bench.training.rank PORT RANK WORLD_SIZE BACKEND LOG``.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import torch

from homotopy_bench.core.errors import FAILURE, WRONG_INPUT, InputError
from homotopy_bench.core.masking import one_line
from homotopy_bench.data.base import Splits
from homotopy_bench.distributed.process_group import as_backend, join, leave, meet
from homotopy_bench.distributed.ranks import LONGEST, arrive, backend_of_launcher
from homotopy_bench.hardware.launched import Launched
from homotopy_bench.training.parallel import Part, serve


def main(port: str, rank: str, world_size: str, backend: str, log: str) -> None:
    """Join the group at a port of this machine, and serve rank 0; what is printed goes to the log."""
    with Path(log).open("wb") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    store = meet("127.0.0.1", int(port), int(world_size), holds=False)
    arrive(store, int(rank))
    join(store, int(rank), int(world_size), as_backend(backend))
    with ExitStack() as kept:
        serve(lambda part: prepared(part, kept))
    leave()


def serve_launcher(place: Launched) -> int:
    """Serve rank 0 of a launcher's group, if it wants to train in several processes.

    What ends the training is rank 0's to decide, so that signals, which a launcher sends to all, are not heard then.
    What rank 0 refuses is said there.

    Returns:
        The exit code.
    """
    store, backend = backend_of_launcher(place)
    if backend is None:
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    join(store, place.rank, place.world_size, backend)
    with ExitStack() as kept:
        try:
            serve(lambda part: prepared(part, kept))
        except InputError:
            return WRONG_INPUT
        except RuntimeError as error:
            print(f"rank {place.rank} of {place.world_size}: {one_line(error, LONGEST)}", file=sys.stderr)
            return FAILURE
    leave()
    return 0


def prepared(part: Part, kept: ExitStack) -> Splits:
    """Return the data of a part, after setting up this process as its hardware says, for as long as kept."""
    config = part.configs[0]
    torch.set_num_threads(part.threads)
    kept.close()
    kept.enter_context(config.hardware.settings())
    return config.dataset.load(config.paths.data_root())


if __name__ == "__main__":
    main(*sys.argv[1:])
