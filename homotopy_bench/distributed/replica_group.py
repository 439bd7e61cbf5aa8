"""Let the ranks of a process group be replicas, by torch's collectives."""

from __future__ import annotations

from collections.abc import Mapping

import torch.distributed as dist
from torch import Tensor, nn

from homotopy_bench.distributed.batch_norm import synchronize_batch_norm
from homotopy_bench.distributed.replicas import Replicas
from homotopy_bench.models.dropout import Dropout


class ReplicaGroup(Replicas):
    """Have an equal share of every batch in each rank.

    Args:
        rank: The place r of this process.
        world_size: Number w of ranks.
        synchronized: Whether BatchNorm takes its statistics from the whole batch. Otherwise each replica normalises by
            its share, and the running statistics are the means of those of the replicas.
    """

    def __init__(self, rank: int, world_size: int, *, synchronized: bool) -> None:
        self.rank, self.world_size = rank, world_size
        self.synchronized = synchronized

    def share(self, samples: int) -> slice:
        """Return samples r N/w to (r + 1) N/w, rounded down."""
        return slice(self.rank * samples // self.world_size, (self.rank + 1) * samples // self.world_size)

    def mean_(self, values: Tensor) -> None:
        """Replace values by their mean over the ranks."""
        self.sum_(values)
        values.div_(self.world_size)

    def sum_(self, values: Tensor) -> None:
        """Replace values by their sum over the ranks."""
        dist.all_reduce(values)

    def prepare(self, network: nn.Module) -> None:
        """Synchronise the network's BatchNorm where that is asked for, and give dropout the masks of this share."""
        if self.synchronized:
            synchronize_batch_norm(network, self.world_size)
        for module in network.modules():
            if isinstance(module, Dropout):
                module.share = self.rank

    def settle(self, buffers: Mapping[str, Tensor]) -> None:
        """Replace running means and variances by their means over the ranks where replicas keep their own.

        A running statistic is linear in those of the batches, so that it does not matter when this is done.
        """
        if self.synchronized:
            return
        for name, values in buffers.items():
            if name.endswith(("running_mean", "running_var")):
                self.mean_(values)
