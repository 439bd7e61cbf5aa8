"""Define what a run asks of the training of its members, wherever they train.

:class:`~homotopy_bench.training.trainer.Trainer` trains them in this process, and
:class:`~homotopy_bench.training.parallel.ParallelTrainer` in several.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from homotopy_bench.config.schema import Config
from homotopy_bench.training.objectives.base import Score
from homotopy_bench.training.reading import Reading


class Training(ABC):
    """Train M members together.

    Attributes:
        configs: The members' configurations.
        step: Steps done.
        total_steps: Training steps S of the whole run.
        steps_per_epoch: Full batches in the training split.
        validation_samples: Labels of the validation split, one per sample or one per token.
    """

    configs: list[Config]
    step: int
    total_steps: int
    steps_per_epoch: int
    validation_samples: int

    @abstractmethod
    def advance(self) -> None:
        """Do one training step."""

    @abstractmethod
    def finish_steps(self) -> list[tuple[int, int]]:
        """Return the gradients and the Hessian products of the members' steps since the last call, once all are done.

        A step may return before its device has done it; here a clock can be read.
        """

    @abstractmethod
    def read(self) -> list[Reading]:
        """Return the members' instruments; means and diagnostics are those since the reading before."""

    @abstractmethod
    def evaluate_copies(self, split: str) -> list[list[Score]]:
        """Return the scores on ``train``, ``validation`` or ``test`` at the present t: for each member one per copy."""

    @abstractmethod
    def evaluate_target(self, split: str) -> list[Score]:
        """Return the scores of the target networks, t = 1; of copies that of their mean network."""

    @abstractmethod
    def last_t(self) -> list[float]:
        """Return the members' path parameters of the last step done."""

    @abstractmethod
    def copies(self) -> list[int]:
        """Return how many networks each member is at present."""

    @abstractmethod
    def target_states(self, members: Sequence[int]) -> list[dict[str, Any]]:
        """Return the ``state_dict`` of the plain network, t = 1, with the parameters of each member, on the host."""

    @abstractmethod
    def plain_network(self, config: Config) -> nn.Module:
        """Return the plain network of a configuration with any values, in evaluation mode, on the host."""

    def target_network(self, member: int) -> nn.Module:
        """Return the plain network, t = 1, with the parameters of one member, on the host."""
        network = self.plain_network(self.configs[member])
        network.load_state_dict(self.target_states([member])[0])
        return network

    @abstractmethod
    def path_networks(self, members: Sequence[int]) -> list[nn.Module]:
        """Return the deformed networks of members at their present t, on the host; of copies the mean network."""

    @abstractmethod
    def member_states(self, members: Sequence[int]) -> list[dict[str, Any]]:
        """Return the states of members, on the host; each does not depend on other members."""

    @abstractmethod
    def load_member_states(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Continue where the members stopped.

        Args:
            states: What :meth:`member_states` returned for each member, all at the same step.

        Raises:
            ValueError: If a state is none of these members; a state that nothing here returned may lead to any error.
        """

    @abstractmethod
    def peak_memory_mb(self) -> float:
        """Return the largest amount of memory a process has held so far, in units of 10^6 bytes."""
