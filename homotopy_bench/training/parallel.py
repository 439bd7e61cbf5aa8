"""Train M members in several processes, asked by rank 0.

Every rank has a :class:`~homotopy_bench.training.trainer.Trainer` of its part. What is asked of this one is asked of
all of them, in the same order; a step is asked for and not waited for.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, TypeVar

import torch
from torch import nn

from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError, RankLost
from homotopy_bench.core.portable import portable
from homotopy_bench.data.base import Splits
from homotopy_bench.distributed.process_group import END, answer, answers, receive, send
from homotopy_bench.distributed.ranks import Ranks
from homotopy_bench.distributed.replicas import Replicas
from homotopy_bench.training.division import Division
from homotopy_bench.training.objectives.base import Score
from homotopy_bench.training.reading import Reading
from homotopy_bench.training.trainer import Trainer
from homotopy_bench.training.training import Training

T = TypeVar("T")

BUILD = "build"
UNANSWERED = (BUILD, "advance", "load_member_states")
ANSWERED = (
    *("finish_steps", "read", "evaluate_copies", "evaluate_target", "last_t", "copies"),
    *("target_states", "path_networks", "member_states"),
)
REQUESTS = ("end", *UNANSWERED, *ANSWERED)
"""What a rank can be asked: to end, to build its trainer, or a method of that trainer."""


class ParallelTrainer(Training):
    """Train M members on all ranks, as rank 0; the ranks serve the one that was built last.

    Args:
        configs: The members' configurations.
        splits: The data, which the other ranks load themselves.
        ranks: The process group.
        division: Who trains what.

    Raises:
        InputError: If the members cannot be trained, or cannot be told to another process.
        RankLost: If a rank ends, here and in every other method.
    """

    def __init__(self, configs: Sequence[Config], splits: Splits, ranks: Ranks, division: Division) -> None:
        self.configs = list(configs)
        self._ranks, self._division = ranks, division
        parts = [[configs[m] for m in division.part(rank)] for rank in range(ranks.world_size)]
        try:
            _Portable(io.BytesIO()).dump(parts)
        except Exception as error:  # whatever a class of the user's own raises
            accepted = f"model or data cannot be sent to another process ({error}); accepted: cpu, cuda"
            raise InputError("hardware", configs[0].hardware.name, accepted) from error
        threads = torch.get_num_threads()
        arguments = [
            Part(parts[rank], division.replicas(rank), threads, division.answers) for rank in range(ranks.world_size)
        ]

        def build() -> Trainer:
            return Trainer(parts[0], splits, division.replicas(0))

        self._own: Trainer = self._ask(BUILD, arguments, build)
        self.step, self.total_steps = self._own.step, self._own.total_steps
        self.steps_per_epoch, self.validation_samples = self._own.steps_per_epoch, self._own.validation_samples

    def advance(self) -> None:
        """Do one training step."""
        self._ask("advance", None, self._own.advance)
        self.step += 1

    def finish_steps(self) -> list[tuple[int, int]]:
        """Return the gradients and the Hessian products of the members' steps since the last call."""
        return self._of_all("finish_steps", self._own.finish_steps)

    def read(self) -> list[Reading]:
        """Return the members' instruments; means and diagnostics are those since the reading before."""
        return self._of_all("read", self._own.read)

    def evaluate_copies(self, split: str) -> list[list[Score]]:
        """Return the scores on a split at the present t: for each member one per copy."""
        return self._of_all("evaluate_copies", self._own.evaluate_copies, split)

    def evaluate_target(self, split: str) -> list[Score]:
        """Return the scores of the target networks, t = 1; of copies that of their mean network."""
        return self._of_all("evaluate_target", self._own.evaluate_target, split)

    def last_t(self) -> list[float]:
        """Return the members' path parameters of the last step done."""
        return self._of_all("last_t", self._own.last_t)

    def copies(self) -> list[int]:
        """Return how many networks each member is at present."""
        return self._of_all("copies", self._own.copies)

    def target_states(self, members: Sequence[int]) -> list[dict[str, Any]]:
        """Return the ``state_dict`` of the plain network, t = 1, with the parameters of each member, on the host."""
        return self._of_some("target_states", self._own.target_states, members)

    def plain_network(self, config: Config) -> nn.Module:
        """Return the plain network of a configuration with any values, in evaluation mode, on the host."""
        return self._own.plain_network(config)

    def path_networks(self, members: Sequence[int]) -> list[nn.Module]:
        """Return the deformed networks of members at their present t, on the host; of copies the mean network."""
        return self._of_some("path_networks", self._own.path_networks, members)

    def member_states(self, members: Sequence[int]) -> list[dict[str, Any]]:
        """Return the states of members, on the host; each does not depend on other members."""
        return self._of_some("member_states", self._own.member_states, members)

    def load_member_states(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Continue where the members stopped.

        Raises:
            ValueError: If a state is none of these members; a state that nothing here returned may lead to any error.
        """
        if len(states) != len(self.configs):
            raise ValueError(f"{len(states)} states for {len(self.configs)} members")
        parts = [([states[m] for m in self._division.part(rank)],) for rank in range(self._ranks.world_size)]
        self._ask("load_member_states", parts, lambda: self._own.load_member_states(parts[0][0]))
        self.step = self._own.step

    def peak_memory_mb(self) -> float:
        """Return the largest amount of memory that the process of rank 0 has held so far, in units of 10^6 bytes."""
        return self._own.peak_memory_mb()

    def _of_all(self, request: str, own: Callable[..., Sequence[T]], *arguments: object) -> list[T]:
        """Return what a method has for every member."""
        shared = [arguments] * self._ranks.world_size if arguments else None
        return self._results(request, shared, lambda: own(*arguments), range(len(self.configs)))

    def _of_some(self, request: str, own: Callable[..., Sequence[T]], members: Sequence[int]) -> list[T]:
        """Return what a method has for some members."""
        chosen = [(self._division.own(rank, members),) for rank in range(self._ranks.world_size)]
        return self._results(request, chosen, lambda: own(*chosen[0]), members)

    def _results(
        self,
        request: str,
        arguments: Sequence[tuple[object, ...]] | None,
        own: Callable[[], Sequence[T]],
        members: Sequence[int],
    ) -> list[T]:
        if not self._division.answers:
            return list(self._ask(request, arguments, own))
        results: Sequence[T] | Exception = []
        try:
            results = self._ask(request, arguments, own)
        except RankLost:
            raise
        except Exception as error:  # the others answer all the same
            results = error
        try:
            everyone = answers(results)
        except Exception as error:
            raise self._ranks.explain(error) from error
        for found in everyone:
            if isinstance(found, Exception):  # here or on another rank
                raise found
        return self._division.chosen(everyone, members)

    def _ask(self, request: str, arguments: Sequence[object] | None, own: Callable[[], T]) -> T:
        """Return the result here of what every rank is asked to do."""
        self._ranks.check()
        try:
            send(REQUESTS.index(request), arguments)
            return own()
        except Exception as error:
            explained = self._ranks.explain(error)
            if explained is error:
                raise
            raise explained from error


def serve(prepare: Prepare) -> None:
    """Do what rank 0 asks, until it asks for the end or goes.

    Where ranks share batches, an error here ends this process, and rank 0 notices. Where they have members of their
    own, rank 0 gets it as the next answer.

    Args:
        prepare: Sets up this process for a part, and returns its data.

    Raises:
        Exception: Whatever a shared step raises.
    """
    trainer: Trainer | None = None
    answering, failure = False, None
    while True:
        number, arguments = receive()
        if number == END:
            return
        request = REQUESTS[number]
        result: object = []
        try:
            if request == BUILD:
                answering, failure = arguments.answers, None
                trainer = _built(arguments, prepare)
            elif trainer is not None and failure is None:
                result = getattr(trainer, request)(*(arguments or ()))
        except Exception as error:
            if not answering:
                raise
            failure = portable(error)
        if answering and request in ANSWERED:
            answer(result if failure is None else failure)


@dataclass(frozen=True)
class Part:
    """Describe what a rank trains.

    Attributes:
        configs: Of its members; none where all of them have left.
        replicas: With whom it shares batches.
        threads: Host threads.
        answers: Whether rank 0 wants its answers.
    """

    configs: list[Config]
    replicas: Replicas
    threads: int
    answers: bool


Prepare = Callable[[Part], Splits]


def _built(part: Part, prepare: Prepare) -> Trainer | None:
    return Trainer(part.configs, prepare(part), part.replicas) if part.configs else None


class _Portable(pickle.Pickler):
    """Refuse what only the script that this process runs knows."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type | FunctionType) and value.__module__ == "__main__":
            raise pickle.PicklingError(f"{value.__qualname__} of this script; put it into a module that is imported")
        return NotImplemented
