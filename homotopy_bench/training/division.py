"""Divide the training of M members over ranks: by members, or by the samples of every batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from homotopy_bench.core.errors import InputError
from homotopy_bench.distributed.replica_group import ReplicaGroup
from homotopy_bench.distributed.replicas import ALONE, Replicas

T = TypeVar("T")


@dataclass(frozen=True)
class Division(ABC):
    """Say who trains what.

    Attributes:
        members: Number M of members.
        world_size: Number w of ranks.
    """

    members: int
    world_size: int

    @abstractmethod
    def part(self, rank: int) -> range:
        """Return the members that a rank trains."""

    @abstractmethod
    def replicas(self, rank: int) -> Replicas:
        """Return with whom a rank shares batches."""

    @property
    @abstractmethod
    def answers(self) -> bool:
        """Whether the other ranks know what rank 0 does not."""

    def own(self, rank: int, members: Sequence[int]) -> list[int]:
        """Return which of a rank's members, counted from its first one, are among some members of all."""
        part = self.part(rank)
        return [member - part.start for member in members if member in part]

    def chosen(self, results: Sequence[Sequence[T]], members: Sequence[int]) -> list[T]:
        """Return the results of some members, in their order, from those that each rank has for its own of them."""
        found: dict[int, T] = {}
        for rank, own in enumerate(results):
            part = self.part(rank)
            found |= dict(zip([member for member in members if member in part], own, strict=True))
        return [found[member] for member in members]


class ByMembers(Division):
    """Give every rank about M/w members, which need nothing from the others.

    Where more than M - w members have left, some ranks have none, but never rank 0.
    """

    def part(self, rank: int) -> range:
        """Return members r M/w to (r + 1) M/w, both rounded up."""
        return range(-(-rank * self.members // self.world_size), -(-(rank + 1) * self.members // self.world_size))

    def replicas(self, rank: int) -> Replicas:  # noqa: ARG002  # all ranks are alike here
        """Return nobody else."""
        return ALONE

    @property
    def answers(self) -> bool:
        """True."""
        return True


@dataclass(frozen=True)
class ByBatch(Division):
    """Give every rank all members, and an equal share of their batches.

    Attributes:
        synchronized: Whether BatchNorm takes its statistics from the whole batch.
    """

    synchronized: bool

    def part(self, rank: int) -> range:  # noqa: ARG002  # all ranks are alike here
        """Return all members."""
        return range(self.members)

    def replicas(self, rank: int) -> Replicas:
        """Return the group of all ranks."""
        return ReplicaGroup(rank, self.world_size, synchronized=self.synchronized)

    @property
    def answers(self) -> bool:
        """False: rank 0 has the same as all."""
        return False


def check_members(members: int, world_size: int) -> None:
    """Check that every rank has a member.

    Raises:
        InputError: If there are more ranks than members.
    """
    if members < world_size:
        accepted = (
            f"{members} run{'s' if members > 1 else ''} of one program for {world_size} devices; accepted: data, "
            "or fewer hardware.devices"
        )
        raise InputError("hardware.parallel", "members", accepted)


def check_batch(batch_size: int, world_size: int) -> None:
    """Check that a batch can be divided into equal shares.

    Raises:
        InputError: If it cannot.
    """
    if batch_size % world_size:
        share = f"each of {world_size} devices has an equal share"
        accepted = f"{share}; accepted: a multiple of {world_size}, or other hardware.devices"
        raise InputError("training.batch_size", batch_size, accepted)
