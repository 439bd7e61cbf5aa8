"""Train M members as one ensemble: follow their paths, step, evaluate, and continue where they stopped.

A step takes a batch for every member, moves every member along its path, computes the gradients of all members in one
backward pass, clips each row, and lets torch.optim update the rows. Nothing in it waits for the device or looks at a
tensor's value: path parameters and learning rates come from tables made beforehand, losses are summed on the device.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from typing import Any

import torch

from homotopy_bench.config.program import check_one_program
from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.random_streams import copy_seeds, initialization
from homotopy_bench.data.base import Splits
from homotopy_bench.distributed.replicas import ALONE, Replicas
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.methods.base import InitialState
from homotopy_bench.models.dirac import fold, folded_state
from homotopy_bench.optim.base import RowOptimizer, merge_moments
from homotopy_bench.training.averaging import WeightAverage
from homotopy_bench.training.batches import Batches, TensorSplit
from homotopy_bench.training.checkpoint import load_networks_state, networks_state
from homotopy_bench.training.deformation import EnsembleMethod
from homotopy_bench.training.learning_rates import LearningRates
from homotopy_bench.training.member_paths import MemberPaths
from homotopy_bench.training.meters import Meters
from homotopy_bench.training.objectives.base import Score, mean_score
from homotopy_bench.training.objectives.named import objective_of
from homotopy_bench.training.path_following import PathFollower
from homotopy_bench.training.reading import Reading
from homotopy_bench.training.row_step import RowStep
from homotopy_bench.training.scores import evaluate
from homotopy_bench.training.training import Training


class Trainer(Training):
    """Train M members.

    Members share data, architecture, kind of method, update rule, epochs and batch size; seed, schedules and all that
    can be a tensor with an entry per member are each member's own (:mod:`homotopy_bench.config.program`). A method may
    train several copies of a member's network on the path (t < 1); from t = 1 on the member is their mean.

    Attributes:
        rows: Which rows of the ensemble belong to which member.
        ensemble: The networks at the members' current points of the path.
        paths: Path parameters of all steps.
        rates: Learning rates.
        average: Averages of the parameters over the steps, which evaluations see; None for none. An adaptive path that
            takes steps back takes them out.
        meters: Losses, norms and costs of the steps.
        steps_per_epoch: Full batches in the training split; an incomplete last batch is left out, and as the order
            changes every epoch, other samples are left out each time.
        total_steps: Training steps S of the whole run.
        step: Steps done.

    Args:
        configs: The members' configurations.
        splits: The data.
        replicas: Equal trainers, each with a share of every batch, that take every step and evaluation together; the
            trainer itself where there is one.

    Raises:
        InputError: If a batch is larger than the training split, the device is not there, or the method cannot deform
            the model.
        ValueError: If the members' programs differ.
    """

    def __init__(self, configs: Sequence[Config], splits: Splits, replicas: Replicas = ALONE) -> None:
        check_one_program([config.program() for config in configs])
        configs = [config.on_this_machine() for config in configs]
        self.configs = configs
        shared = configs[0]
        samples, batch_size = len(splits.train.y), shared.training.batch_size
        if batch_size > samples:
            raise InputError("training.batch_size", batch_size, f"accepted: at most the {samples} training samples")
        self.hardware, self._replicas = shared.hardware, replicas
        device, dtype = self.hardware.device(), self.hardware.parameter_dtype()
        self.splits = {
            name: TensorSplit.on(split, device, dtype)
            for name, split in (("train", splits.train), ("validation", splits.validation), ("test", splits.test))
        }
        self.input_shape, self.classes = tuple(splits.train.x.shape[1:]), splits.classes
        self.objective = objective_of(splits.objective, splits.classes)
        self.validation_samples = splits.validation.y.size
        self.steps_per_epoch = samples // batch_size
        self.total_steps = shared.training.epochs * self.steps_per_epoch
        self.step = 0
        self.paths = MemberPaths(configs, self.steps_per_epoch, device, dtype)
        self.rates = LearningRates(configs, self.total_steps, splits.train.y[:1].size)
        methods = [config.method for config in configs]
        self.method = EnsembleMethod(methods, device)
        self.rows = Rows.at(self.paths.at(0), self.method.lead.copies)
        if len(self.rows.owners) > 1:  # the tensors of one narrow network are too small to be given back
            self.hardware.keep_memory()
        copies = [copy_seeds(config.seed, count) for config, count in zip(configs, self.rows.counts, strict=True)]
        networks = [self._build(member, seed) for member, seeds in enumerate(copies) for seed in seeds]
        self.ensemble = Ensemble(networks, device, dtype, replicas, channels_last=self._channels_last())
        seeds = [config.seed for config in configs]
        beginning = InitialState(methods, self.ensemble, self.rows, seeds, self._build)
        self.regularizer = self.method.lead.regularizer(beginning)
        augmentation = shared.dataset.augmentation(splits, device, dtype)
        self.batches = Batches(self.splits["train"], batch_size, augmentation, replicas)
        self.meters = Meters(self.rows, self.ensemble.theta)
        self._row_step = self._rebuild_row_step()
        averaged = any(config.training.weight_average for config in configs)
        self.average = WeightAverage(self._decays(), self.ensemble.theta) if averaged else None
        averages = None if self.average is None else self.average.theta
        self.follower = PathFollower(configs, self.ensemble, self.optimizer, self.total_steps, averages)
        self._spent = [(0, 0)] * len(configs)
        self._set_coefficients(0)

    @property
    def optimizer(self) -> RowOptimizer:
        """The update of the present rows."""
        return self._row_step.optimizer

    def advance(self) -> None:
        """Do one training step."""
        k = self.step
        self.follow_paths()
        if self.paths.moves_at(k):
            self._merge_arrived(k)
            self._set_coefficients(k)
        result = self._row_step(k, self.paths.at(k))
        if self.average is not None:
            self.average.update(k, self.ensemble.theta)
        self.meters.add(result)
        self._spent = [
            (gradients + more, products + others)
            for (gradients, products), more, others in zip(self._spent, result.gradients, result.products, strict=True)
        ]
        self.step += 1
        self.follower.observe(result.losses)

    def follow_paths(self) -> None:
        """Let every adaptive path whose check is due set the next t of its member.

        Before a step and not after the one before it, so that an evaluation between the two scores the trained network.
        """
        if self.follower.due(
            self.step
        ):  # what is accepted is kept, and a checkpoint has the settled state of all ranks
            self._settle()
        for member, t in self.follower.check(self.step).items():
            self.paths.set_from(self.step, member, t)

    def finish_steps(self) -> list[tuple[int, int]]:
        """Return the gradients and the Hessian products of the members' steps since the last call."""
        self.hardware.synchronize()
        spent, self._spent = self._spent, [(0, 0)] * len(self.configs)
        return spent

    def read(self) -> list[Reading]:
        """Return the members' instruments; means and diagnostics are those since the reading before."""
        losses, norms, rates = self.meters.pop_train_loss(), self.meters.gradient_norms(), self.last_lr()
        stability = self.meters.stability.pop(self.step)
        return [
            Reading(
                rates[member],
                norms[member],
                losses[member],
                stability[member],
                {**self.diagnostics(member), **self.rates.take_diagnostics(member)},
                self.follower.goes_back(member),
            )
            for member in range(len(self.configs))
        ]

    def evaluate(self, split: str) -> list[Score]:
        """Return the members' scores on ``train``, ``validation`` or ``test`` at the present t; of copies the mean."""
        return [mean_score(copies) for copies in self.evaluate_copies(split)]

    def evaluate_copies(self, split: str) -> list[list[Score]]:
        """Return the scores of every copy on a split at the present t: for each of the M members one per row."""
        self._settle()
        samples = self.splits[split]
        with self._averaged():
            found = evaluate(self.ensemble, samples.x, samples.y, self.objective, self.hardware.autocast())
        return self.rows.grouped(found)

    def evaluate_target(self, split: str) -> list[Score]:
        """Return the scores of the target networks, t = 1; of copies that of their mean network."""
        with self.at_target():
            return self.evaluate(split)

    @contextmanager
    def at_target(self) -> Iterator[None]:
        """Replace the networks by the target networks, t = 1, inside the context: copies by their mean."""
        on_path = self.ensemble, self.rows
        target = Rows((1,) * len(self.configs))
        with self._averaged():
            if self.rows != target:
                self.ensemble = self.ensemble.merged(self.rows.merging_into(target))
                self.rows = target
            self.method.set_coefficients(self.ensemble, self.rows, torch.ones_like(self.paths.on_device(0)))
            try:
                yield
            finally:
                self.ensemble, self.rows = on_path
                self._set_coefficients(self._last_step)

    def peak_memory_mb(self) -> float:
        """Return the largest amount of memory this process has held so far, in units of 10^6 bytes."""
        return self.hardware.peak_memory_mb()

    def last_t(self) -> list[float]:
        """Return the members' path parameters of the last step done."""
        return self.paths.at(self._last_step)

    def copies(self) -> list[int]:
        """Return how many networks each member is at present."""
        return list(self.rows.counts)

    def last_lr(self) -> list[float]:
        """Return the members' learning rates of the last step done."""
        return self.rates.of_members(self._last_step)

    def diagnostics(self, member: int) -> dict[str, Any]:
        """Return the record's entries on a member's path besides t."""
        known = self.follower.diagnostics(member)
        t = self.last_t()[member]
        if self.regularizer is not None and t < 1.0:
            known |= self.regularizer.diagnostics(member, self.ensemble.theta[self.rows.of(member)], t)
        return known

    def plain_network(self, config: Config) -> torch.nn.Module:
        """Return the plain network of a configuration with any values, in evaluation mode, on the host."""
        return fold(self._built(config)).to(self.ensemble.theta.dtype).eval()

    def target_states(self, members: Sequence[int]) -> list[dict[str, torch.Tensor]]:
        """Return the ``state_dict`` of the plain network, t = 1, with the parameters of each member, on the host."""
        self._settle()
        built = self._target_as_built
        names = list(built.state_dict())
        with self.at_target():
            return [folded_state(built, self.ensemble.member_state(member, names)) for member in members]

    @cached_property
    def _target_as_built(self) -> torch.nn.Module:
        """A network of the model."""
        return self._built(self.configs[0])

    def _built(self, config: Config, seed: int = 0) -> torch.nn.Module:
        """Return a network with the initial values of a seed; PyTorch's own generator stays as it is."""
        with initialization(seed):
            return config.model.build(self.input_shape, self.classes)

    def path_networks(self, members: Sequence[int]) -> list[torch.nn.Module]:
        """Return the deformed networks of members at their present t, on the host; of copies the mean network."""
        self._settle()
        groups = [self.rows.of(member) for member in members]
        with self._averaged():
            return [self.ensemble.merged([rows]).network.cpu() for rows in groups]

    def member_states(self, members: Sequence[int]) -> list[dict[str, Any]]:
        """Return :meth:`member_state` of several members."""
        self._settle()
        return [self.member_state(member) for member in members]

    def member_state(self, member: int) -> dict[str, Any]:
        """Return the state of one member, on the host; it does not depend on other members."""
        rows = self.rows.of(member)
        average = self.average if self.configs[member].training.weight_average else None
        return {
            "step": self.step,
            **networks_state(self.ensemble, self.optimizer, rows),
            "loss_sum": self.meters.loss_sum[rows].cpu().clone(),
            "loss_count": self.meters.loss_count,
            "stability": self.meters.stability.member_state(member),
            "t": self.paths.at(self.step)[member],
            "last_t": self.last_t()[member],
            "rates": self.rates.member_state(member),
            "path": self.follower.member_state(member),
            **({} if average is None else {"average": average.theta[rows].cpu().clone()}),
        }

    def load_member_states(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Continue where the members stopped.

        Args:
            states: What :meth:`member_state` returned for each member, all at the same step.

        Raises:
            ValueError: If a state is none of these members; a state that nothing here returned may lead to any error.
        """
        steps = {state["step"] for state in states}
        if len(steps) != 1 or len(states) != len(self.configs):
            raise ValueError(f"{len(states)} states at steps {sorted(steps)} for {len(self.configs)} members")
        self.step, self.meters.loss_count = steps.pop(), states[0]["loss_count"]
        if type(self.step) is not int or not 0 <= self.step <= self.total_steps:
            raise ValueError(f"step {self.step} of {self.total_steps}")
        last = self._last_step
        self._merge_arrived(last)
        for member, state in enumerate(states):
            rows = self.rows.of(member)
            load_networks_state(self.ensemble, self.optimizer, rows, state)
            self.meters.loss_sum[rows] = state["loss_sum"].to(self.meters.loss_sum)
            if self.average is not None:
                self.average.theta[rows] = state.get("average", state["theta"]).to(self.ensemble.theta)
            self.meters.stability.load_member_state(member, state.get("stability"))
            self.rates.load_member_state(member, last, state["rates"])
            if state["path"] is not None and self.follower.follows(member):
                self.follower.load_member_state(member, state["path"])
                self.paths.set_from(self.step - 1, member, state["last_t"])
                self.paths.set_from(self.step, member, state["t"])
        self._set_coefficients(last)

    def _decays(self) -> list[float]:
        """Return the decays of the averages of the present rows."""
        return [self.configs[member].training.weight_average for member in self.rows.owners]

    def _averaged(self) -> AbstractContextManager[None]:
        """Return a context in which the present rows have their averages, where there are any.

        Returns:
            The context.
        """
        return nullcontext() if self.average is None else self.average.shown(self.ensemble.theta)

    def _settle(self) -> None:
        """Make the running statistics of the replicas equal."""
        self._replicas.settle(self.ensemble.statistics())

    @property
    def _last_step(self) -> int:
        return max(self.step - 1, 0)

    def _channels_last(self) -> bool:
        """Return whether the hardware asks for images with their channels together.

        Raises:
            InputError: If it does and there are no images.
        """
        if not self.hardware.channels_last:
            return False
        if len(self.input_shape) != 3:
            accepted = f"the samples are no images but of shape {self.input_shape}; accepted: false"
            raise InputError("hardware.channels_last", "true", accepted)
        return True

    def _build(self, member: int, seed: int) -> torch.nn.Module:
        """Return the network of a member with the initial values of a seed, deformed as all are."""
        network = self._built(self.configs[member], seed)
        self.method.lead.deform(network)
        self._replicas.prepare(network)
        return network

    def _rebuild_row_step(self) -> RowStep:
        """Return the step of the present rows."""
        per_copy = self.method.lead.batch_per_copy
        return RowStep(
            self.configs, self.ensemble, self.rows, self.batches, self.rates, self.regularizer, batch_per_copy=per_copy
        )

    def _merge_arrived(self, k: int) -> None:
        """Replace the copies of every member that is at t = 1 at step k by their mean."""
        rows = Rows.at(self.paths.at(k), self.method.lead.copies)
        if rows == self.rows:
            return
        groups, before, copies = self.rows.merging_into(rows), self.optimizer, self.ensemble.rows
        self.ensemble, self.rows = self.ensemble.merged(groups), rows
        self._row_step = self._rebuild_row_step()
        merge_moments(before, copies, groups, self.optimizer, self.ensemble.rows)
        self.meters.merge_into(rows)
        if self.average is not None:
            self.average = self.average.merged(groups, self._decays())

    def _set_coefficients(self, k: int) -> None:
        """Put the networks at their path parameters of step k."""
        self.method.set_coefficients(self.ensemble, self.rows, self.paths.on_device(k))
