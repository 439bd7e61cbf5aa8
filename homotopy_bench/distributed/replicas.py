"""Define what equal copies of an ensemble do together when each has a share of every batch.

A loss is the mean over the samples of a batch. With the batch in w equal shares, loss, gradient and Hessian products
are the means over w replicas of what each computes on its share; all else (penalties, clipping, update, path, checks)
is computed by every replica from these means, and stays equal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn


class Replicas(ABC):
    """Divide samples over replicas, and average over them."""

    @abstractmethod
    def share(self, samples: int) -> slice:
        """Return which of so many consecutive samples are this replica's."""

    @abstractmethod
    def mean_(self, values: Tensor) -> None:
        """Replace values by their mean over the replicas; all have the same bits."""

    @abstractmethod
    def sum_(self, values: Tensor) -> None:
        """Replace values by their sum over the replicas; all have the same bits."""

    @abstractmethod
    def prepare(self, network: nn.Module) -> None:
        """Let a network act on a share of a batch as it does on the batch."""

    @abstractmethod
    def settle(self, buffers: Mapping[str, Tensor]) -> None:
        """Make the running statistics among buffers equal where each replica has kept its own."""


class Alone(Replicas):
    """Have all samples in one process."""

    def share(self, samples: int) -> slice:
        """Return all samples."""
        return slice(0, samples)

    def mean_(self, values: Tensor) -> None:
        """Leave values as they are."""

    def sum_(self, values: Tensor) -> None:
        """Leave values as they are."""

    def prepare(self, network: nn.Module) -> None:
        """Leave a network as it is."""

    def settle(self, buffers: Mapping[str, Tensor]) -> None:
        """Leave statistics as they are."""


ALONE = Alone()
