"""Run a rank other than 0 that :class:`~homotopy_bench.distributed.ranks.StartedRanks` has started.

The command is ``python -m homotopy_bench.training.rank PORT RANK WORLD_SIZE BACKEND``.
"""

from __future__ import annotations

import sys

import torch

from homotopy_bench.config.schema import Config
from homotopy_bench.data.base import Splits
from homotopy_bench.distributed.process_group import join, leave, meet
from homotopy_bench.training.parallel import serve


def main(port: str, rank: str, world_size: str, backend: str) -> None:
    """Join the group at a port of this machine, and serve rank 0."""
    store = meet("127.0.0.1", int(port), int(world_size), holds=False)
    store.set(f"rank {rank}", "here")
    join(store, int(rank), int(world_size), "nccl" if backend == "nccl" else "gloo")
    serve(prepared)
    leave()


def prepared(config: Config) -> Splits:
    """Return the data of a configuration, after giving this process the threads that it says."""
    torch.set_num_threads(config.hardware.threads)
    return config.dataset.load(config.paths.data_root())


if __name__ == "__main__":
    main(*sys.argv[1:])
