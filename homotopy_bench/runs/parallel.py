"""Let runs train where their hardware says: in this process, or in several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType

from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError, RankLost
from homotopy_bench.data.base import Splits
from homotopy_bench.distributed.ranks import JoinedRanks, Ranks, StartedRanks
from homotopy_bench.hardware.launched import launched
from homotopy_bench.hardware.multi_gpu import MultiGPU
from homotopy_bench.training.division import ByBatch, ByMembers, Division, check_batch, check_members
from homotopy_bench.training.parallel import ParallelTrainer
from homotopy_bench.training.trainer import Trainer
from homotopy_bench.training.training import Training

Build = Callable[[Sequence[Config], Splits], Training]
"""Returns the training of members from their beginning."""


class Processes:
    """Keep the processes in which runs train, for the next runs on the same hardware; as a context, end them."""

    def __init__(self) -> None:
        self._hardware: MultiGPU | None = None
        self._ranks: Ranks | None = None
        self._lost = False

    def of(self, configs: Sequence[Config], *, begun: bool) -> Build:
        """Return what builds the training of these members of one program, and of some of them.

        Args:
            configs: The members' configurations.
            begun: Whether they are what is left of more: then there may be fewer of them than processes.

        Raises:
            InputError: If this machine has not the devices, or the members cannot be divided over them.
            RankLost: If a process ends before it has begun, or a launcher's have been dropped.
        """
        hardware = configs[0].hardware
        if not isinstance(hardware, MultiGPU):
            return Trainer
        if self._lost:
            raise RankLost("the launcher's other processes have ended with the runs before these, which failed")
        division = _divide(configs, hardware, begun)
        if self._ranks is None or self._hardware != hardware:
            self.end()
            self._ranks, self._hardware = _ranks(hardware), hardware
        return partial(_build, ranks=self._ranks, division=division)

    def end(self) -> None:
        """Let the processes end, which wait to be asked."""
        if self._ranks is not None:
            self._ranks.end()
            self._ranks = None

    def drop(self) -> None:
        """End the processes whatever they do."""
        if self._ranks is not None:
            self._ranks.drop()
            self._lost = not self._ranks.replaceable
            self._ranks = None

    def __enter__(self) -> Processes:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the processes, after an error whatever they do."""
        (self.end if error is None else self.drop)()


def _ranks(hardware: MultiGPU) -> Ranks:
    """Return the process group of rank 0.

    Raises:
        InputError: If this process is another rank of a launcher, which only the command line knows how to serve.
    """
    place, world_size = launched(), hardware.processes()
    if place is not None and place.rank:
        accepted = "the processes of a launcher run homotopy-train; accepted here: cpu, cuda, or a script started once"
        raise InputError("hardware", hardware.name, accepted)
    return StartedRanks(world_size, hardware.backend) if place is None else JoinedRanks(place, hardware.backend)


def _divide(configs: Sequence[Config], hardware: MultiGPU, begun: bool) -> Callable[[int], Division]:
    """Return how so many members of a program are divided, of whom some may leave.

    Raises:
        InputError: If they cannot be.
    """
    world_size, batch_size = hardware.processes(), configs[0].training.batch_size
    enough = len(configs) >= world_size > 1 or (begun and batch_size % world_size > 0)
    if hardware.parallel == "members" or (hardware.parallel is None and enough):
        if not begun:
            check_members(len(configs), world_size)
        return partial(ByMembers, world_size=world_size)
    check_batch(batch_size, world_size)
    synchronized = hardware.batch_statistics == "synchronized"
    if (
        not synchronized
        and batch_size == world_size
        and not all(one.model.trains_on_single_samples() for one in configs)
    ):
        accepted = f"the model normalises over the one sample of each device; accepted: {2 * world_size} or more"
        raise InputError("training.batch_size", batch_size, accepted)
    return partial(ByBatch, world_size=world_size, synchronized=synchronized)


def _build(
    configs: Sequence[Config], splits: Splits, *, ranks: Ranks, division: Callable[[int], Division]
) -> ParallelTrainer:
    return ParallelTrainer(configs, splits, ranks, division(len(configs)))
