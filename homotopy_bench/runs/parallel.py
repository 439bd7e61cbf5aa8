"""Let runs train where their hardware says: in this process, or in several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.data.base import Splits
from homotopy_bench.distributed.launched import launched
from homotopy_bench.distributed.ranks import JoinedRanks, Ranks, StartedRanks
from homotopy_bench.hardware.base import Hardware
from homotopy_bench.hardware.multi_gpu import MultiGPU
from homotopy_bench.training.division import ByBatch, ByMembers, Division, check_batch, check_members
from homotopy_bench.training.parallel import ParallelTrainer, end_ranks
from homotopy_bench.training.trainer import Trainer
from homotopy_bench.training.training import Training

Build = Callable[[Sequence[Config], Splits], Training]
"""Returns the training of members from their beginning."""


@contextmanager
def training_on(hardware: Hardware) -> Iterator[Build]:
    """Yield what builds the training of members that share this hardware; its processes live as long as the context.

    Raises:
        InputError: If this machine has not the devices.
    """
    if not isinstance(hardware, MultiGPU):
        yield Trainer
        return
    ranks = _ranks(hardware)
    try:
        yield partial(_divided, ranks=ranks, hardware=hardware)
        with suppress(RuntimeError):  # a rank that has died is said where it is missed
            if isinstance(ranks, StartedRanks):
                end_ranks()
    finally:
        ranks.close()


def _ranks(hardware: MultiGPU) -> Ranks:
    place = launched()
    if place is None:
        return StartedRanks(hardware.world_size(), hardware.backend)
    if hardware.devices not in ("all", place.world_size):
        accepted = f"a launcher has started {place.world_size} processes; accepted: all"
        raise InputError("hardware.devices", hardware.devices, accepted)
    return JoinedRanks(place, hardware.backend)


def _divided(configs: Sequence[Config], splits: Splits, ranks: Ranks, hardware: MultiGPU) -> Training:
    return ParallelTrainer(configs, splits, ranks, division(configs, ranks.world_size, hardware))


def division(configs: Sequence[Config], world_size: int, hardware: MultiGPU) -> Division:
    """Return how members are divided over ranks.

    Raises:
        InputError: If they cannot be.
    """
    by_members = hardware.parallel == "members" or (hardware.parallel is None and len(configs) >= world_size > 1)
    if by_members:
        check_members(len(configs), world_size)
        return ByMembers(len(configs), world_size)
    check_batch(configs[0].training.batch_size, world_size)
    return ByBatch(len(configs), world_size, hardware.batch_statistics == "synchronized")
