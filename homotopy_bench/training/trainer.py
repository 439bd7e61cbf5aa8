"""The training loop over an ensemble: batches, steps, evaluation, and the state from which it continues.

A step takes a batch for every member, moves every member along its path, computes the gradients of all members in one
backward pass, clips each row, and lets torch.optim update the rows. Nothing in it waits for the device or looks at a
tensor's value: path parameters and learning rates come from tables made beforehand, losses are summed on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from homotopy_bench.config.program import check_one_program
from homotopy_bench.config.schema import Config
from homotopy_bench.continuation.adaptive import Adaptive
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.random_streams import copy_seeds, initialization
from homotopy_bench.data.base import Splits
from homotopy_bench.ensemble.copies import copied
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.losses import training_objective
from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.models.layers import DEFORMATION
from homotopy_bench.optim.base import RowOptimizer, merge_moments, over_rows, set_rates
from homotopy_bench.training.batches import Batches, TensorSplit
from homotopy_bench.training.clipping import clip_rows, row_bounds
from homotopy_bench.training.deformation import EnsembleMethod
from homotopy_bench.training.learning_rates import LearningRates
from homotopy_bench.training.path_following import PathFollower
from homotopy_bench.training.penalty import weight_penalty
from homotopy_bench.training.scores import Score, evaluate


class EnsembleTraining:
    """M members in training.

    Members share data, architecture, kind of method, update rule, epochs and batch size; seed, schedules and all that
    can be a tensor with an entry per member are each member's own (:mod:`homotopy_bench.config.program`).
    A method may train several copies of a member's network on the path (t < 1); from t = 1 on the member is their mean.

    Attributes:
        rows: Which rows of the ensemble belong to which member.
        ensemble: The networks at the members' current points of the path.
        steps_per_epoch: Full batches in the training split; an incomplete last batch is left out, and as the order
            changes every epoch, other samples are left out each time.
        total_steps: Training steps S of the whole run.
        step: Steps done.
        t: Path parameters, shape (S, M), on the host.
        rates: Learning rates.

    Args:
        configs: The members' configurations.
        splits: The data.

    Raises:
        InputError: If a batch is larger than the training split, the device is not there, or the method cannot deform
            the model.
        ValueError: If the members' programs differ.
    """

    def __init__(self, configs: Sequence[Config], splits: Splits) -> None:
        check_one_program([config.program() for config in configs])
        shared = configs[0]
        self.configs = list(configs)
        self.method = EnsembleMethod([config.method for config in configs], shared.hardware.device())
        self.hardware = shared.hardware
        self.device = shared.hardware.device()
        dtype = shared.hardware.parameter_dtype()
        self.splits = {
            name: TensorSplit.on(samples, self.device, dtype)
            for name, samples in (("train", splits.train), ("validation", splits.validation), ("test", splits.test))
        }
        samples, self.batch_size = len(splits.train.y), shared.training.batch_size
        if self.batch_size > samples:
            raise InputError(
                "training.batch_size", self.batch_size, f"accepted: at most the {samples} training samples"
            )
        self.input_shape, self.classes = tuple(splits.train.x.shape[1:]), splits.classes
        self.steps_per_epoch = samples // self.batch_size
        self.total_steps = shared.training.epochs * self.steps_per_epoch
        self.step = 0
        self.t = np.stack([self._path(config) for config in configs], axis=1)
        self._arrived = self.t == 1.0
        self.rates = LearningRates(configs, self.total_steps)
        self._moves = np.ones(self.total_steps, dtype=bool)
        self._moves[1:] = (self.t[1:] != self.t[:-1]).any(axis=1)

        self.rows = Rows.at(self.t[0], self.method.copies)
        if len(self.rows.owners) > 1:  # the tensors of one narrow network are too small to be given back
            self.hardware.keep_memory()
        copies = [copy_seeds(config.seed, count) for config, count in zip(configs, self.rows.counts, strict=True)]
        networks = [self._build(member, seed) for member, seeds in enumerate(copies) for seed in seeds]
        self.ensemble = Ensemble(networks, self.device, dtype)
        seeds = [config.seed for config in configs]
        self.regularizer = self.method.regularizer(self.ensemble, self.rows, seeds, self._build)
        train, augmentation = self.splits["train"], shared.dataset.augmentation(splits, self.device, dtype)
        self._batch = Batches(train.x, train.y, self.batch_size, augmentation)
        self._norms = torch.zeros(len(networks), device=self.device, dtype=dtype)
        self._loss_sum = torch.zeros(len(networks), device=self.device, dtype=dtype)
        self._loss_count = 0
        self._gradients_taken = [0] * len(networks)
        self.optimizer = self._serve_rows()
        self._t = torch.as_tensor(self.t).to(self.device, dtype)
        self.follower = self._follower()
        self._place(0)

    def advance(self) -> None:
        """Do one training step."""
        k = self.step
        if self.follower is not None:
            self._follow(self.follower)
        if self._moves[k]:
            self._merge(k)
            self._place(k)
        x, y = self._batch(k)
        known = self._measure(x, y, k) if self.rates.measures(k) else None
        set_rates(self.optimizer, self.rates.of_parts(k))
        self._gradients_taken = [0] * len(self.rows.owners)
        losses: Tensor = self.optimizer.step(partial(self._differentiate, x, y, k, known))
        if self.regularizer is not None:
            self.regularizer.after_step(self.ensemble, self.rows, self.t[k], self.rates.reaches(k))
        self._loss_sum += losses
        self._loss_count += 1
        self.step += 1
        if self.follower is not None:
            self.follower.observe(losses)

    def take_train_loss(self) -> list[float]:
        """Return the members' mean batch losses since the last call, without penalties, and start anew."""
        mean = self.rows.mean((self._loss_sum / max(self._loss_count, 1)).tolist())
        self._loss_sum.zero_()
        self._loss_count = 0
        return mean

    def gradient_norms(self) -> list[float]:
        """Return the Euclidean norms of the members' last gradients, before clipping; of copies the mean norm."""
        norms = self._norms if self._clip_norm is not None else self.ensemble.gradient.norm(dim=1)
        return self.rows.mean(norms.tolist())

    def gradients_per_step(self) -> list[int]:
        """Return how many gradients the last step took for each member, over its rows."""
        measured, _ = self.rates.paid(self.step - 1)
        taken = self.rows.grouped(self._gradients_taken)
        return [sum(own) + measured * len(own) for own in taken]

    def products_per_step(self) -> list[int]:
        """Return how many Hessian products the last step took for each member, over its rows."""
        _, products = self.rates.paid(self.step - 1)
        return [count * products for count in self.rows.counts]

    def evaluate(self, split: str) -> list[Score]:
        """Score every member on a split, at the point of the path where the networks stand.

        Args:
            split: ``train``, ``validation`` or ``test``.

        Returns:
            M scores; of copies their mean.
        """
        return [Score.mean(copies) for copies in self.evaluate_copies(split)]

    def evaluate_copies(self, split: str) -> list[list[Score]]:
        """Score every network of every member on a split, at the point of the path where they stand.

        Args:
            split: ``train``, ``validation`` or ``test``.

        Returns:
            For each of the M members one score per row.
        """
        samples = self.splits[split]
        found = evaluate(self.ensemble, samples.x, samples.y, self.classes, self.hardware.autocast())
        return self.rows.grouped(found)

    @contextmanager
    def at_target(self) -> Iterator[None]:
        """Let the networks be the target networks, t = 1, inside the context: of copies their mean."""
        on_path = self.ensemble, self.rows
        target = Rows((1,) * len(self.configs))
        if self.rows != target:
            self.ensemble = self.ensemble.merged(self.rows.merging_into(target))
            self.rows = target
        self._assign(torch.ones_like(self._t[0]))
        try:
            yield
        finally:
            self.ensemble, self.rows = on_path
            self._place(max(self.step - 1, 0))

    def last_t(self) -> list[float]:
        """Return the members' path parameters of the last step done."""
        t: list[float] = self.t[max(self.step - 1, 0)].tolist()
        return t

    def last_lr(self) -> list[float]:
        """Return the members' learning rates of the last step done."""
        return self.rates.of_members(max(self.step - 1, 0))

    def goes_back(self, member: int) -> bool:
        """Return whether a member that is broken now will be put back to where it was not."""
        return self.follower is not None and self.follower.goes_back(member)

    def diagnostics(self, member: int) -> dict[str, Any]:
        """Return what the record says of a member's path besides t."""
        known = {} if self.follower is None else self.follower.diagnostics(member)
        t = self.last_t()[member]
        if self.regularizer is not None and t < 1.0:
            known |= self.regularizer.diagnostics(member, self.ensemble.theta[self.rows.of(member)], t)
        return known

    def target_network(self, member: int) -> torch.nn.Module:
        """Return the plain network, t = 1, with the parameters of one member, on the host."""
        network = self.configs[member].model.build(self.input_shape, self.classes)
        network.to(self.ensemble.theta.dtype)
        with self.at_target():
            network.load_state_dict(self.ensemble.member_state(member, list(network.state_dict())))
        return network.eval()

    def member_state(self, member: int) -> dict[str, Any]:
        """Return all that one member needs to continue, on the host: it does not depend on its neighbours."""
        rows = self.rows.of(member)
        return {
            "step": self.step,
            "theta": self.ensemble.theta[rows].cpu().clone(),
            "buffers": {name: values[rows].cpu().clone() for name, values in self._memory().items()},
            "optimizer": [copied(self.optimizer.state[piece], "cpu") for piece in self._pieces(member)],
            "loss_sum": self._loss_sum[rows].cpu().clone(),
            "loss_count": self._loss_count,
            "t": float(self.t[min(self.step, self.total_steps - 1), member]),
            "last_t": self.last_t()[member],
            "rates": self.rates.member_state(member, self.rows),
            "path": None if self.follower is None else self.follower.member_state(member),
        }

    def load_member_states(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Continue where the members stopped.

        Args:
            states: What :meth:`member_state` returned for each member, all at the same step.

        Raises:
            ValueError: If the states do not fit these members.
        """
        steps = {state["step"] for state in states}
        if len(steps) != 1 or len(states) != len(self.configs):
            raise ValueError(f"{len(states)} states at steps {sorted(steps)} for {len(self.configs)} members")
        self.step, self._loss_count = steps.pop(), states[0]["loss_count"]
        self._merge(max(self.step - 1, 0))
        for member, state in enumerate(states):
            rows = self.rows.of(member)
            theta, saved_theta = self.ensemble.theta[rows], state["theta"]
            if saved_theta.shape != theta.shape or state["buffers"].keys() != self._memory().keys():
                raise ValueError(f"a state of {list(saved_theta.shape)} parameters for {list(theta.shape)}")
            theta.copy_(saved_theta)
            for name, value in state["buffers"].items():
                self.ensemble.buffers[name][rows].copy_(value)
            for piece, saved in zip(self._pieces(member), state["optimizer"], strict=True):
                self.optimizer.state[piece] = copied(saved, self.device)
            self._loss_sum[rows] = state["loss_sum"].to(self.device)
            self.rates.load_member_state(member, self.rows, max(self.step - 1, 0), state["rates"])
            if self.follower is not None and state["path"] is not None:
                self.follower.load_member_state(member, state["path"])
                self._set_path(member, self.step - 1, state["last_t"])
                self._set_path(member, self.step, state["t"])
        self._place(max(self.step - 1, 0))

    def _differentiate(self, x: Tensor, y: Tensor, k: int, known: Tensor | None, row: int | None = None) -> Tensor:
        """Write the gradients of all rows or one at a batch of step k, unless those of the loss are there already.

        Returns:
            The losses without penalties, detached.
        """
        with self.ensemble.only(row):
            losses = known
            if losses is None:
                losses = self._losses(self.ensemble.forward, x, y)
                self.ensemble.backward(losses.sum())
                for one in range(len(self._gradients_taken)) if row is None else (row,):
                    self._gradients_taken[one] += 1
            if self._penalty is not None:
                self._penalty.add_gradient(self.ensemble)
            if self.regularizer is not None:
                self.regularizer.add_gradient(self.ensemble, self.rows, self.t[k])
            if self._clip_norm is not None:
                bounds = self.rates.clipped(self._clip_norm, self.rows)
                self._norms = clip_rows(self.ensemble.gradient, bounds, self.ensemble.target_size)
        return losses.detach()

    def _follower(self) -> PathFollower | None:
        paths = {m: c.continuation for m, c in enumerate(self.configs) if isinstance(c.continuation, Adaptive)}
        if not paths:
            return None
        statistics = {name: values for name, values in self._memory().items() if values.is_floating_point()}
        return PathFollower(paths, self.ensemble.rows, statistics, self.optimizer, self.total_steps)

    def _measure(self, x: Tensor, y: Tensor, k: int) -> Tensor | None:
        """Measure what the learning rates of a step depend on, at its batch or at that and the following ones.

        Returns:
            The losses of the step, whose gradients then lie in the ensemble; None where those of other batches or none
            do.
        """
        batch = (x, y) if self.rates.batches == 1 else self._batch.together(k, self.rates.batches)
        evaluate = partial(self._losses, self.ensemble.modules, *batch)
        buffers = copied(self.ensemble.buffers)
        losses = self.rates.measure(k, self.ensemble, self.rows, evaluate)
        if losses is not None and self.rates.batches == 1:
            return losses
        self.ensemble.assign(buffers)  # the step itself is still to come: statistics and masks must not know of this
        return None

    def _losses(self, forward: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
        with self.hardware.autocast():
            return self._objective(forward(x), y)

    def _follow(self, follower: PathFollower) -> None:
        """At a check, let the trackers say where the members train next.

        Before a step and not after the one before it, so that an evaluation between the two scores what was trained.
        """
        for member, t in follower.check(self.step).items():
            self._set_path(member, self.step, t)

    def _set_path(self, member: int, k: int, t: float) -> None:
        """Let a member train at t from step k on, until its path must have arrived and at the last step t = 1."""
        rest = self.t[max(k, 0) :, member]
        rest[~self._arrived[max(k, 0) :, member]] = t
        self._t[max(k, 0) :, member] = torch.as_tensor(rest).to(self._t)
        self._moves[max(k, 0) :] = True

    def _path(self, config: Config) -> NDArray[np.float64]:
        """Return the path parameters of a member at every step, shape (S,)."""
        levels = [epochs * self.steps_per_epoch for epochs in config.method.level_epochs()]
        return config.continuation.table(self.total_steps, config.seed, levels)

    def _build(self, member: int, seed: int) -> torch.nn.Module:
        """Return the network of a member with the initial values of a seed, deformed as all are."""
        with initialization(seed):
            network = self.configs[member].model.build(self.input_shape, self.classes)
        self.method.deform(network)
        return network

    def _memory(self) -> dict[str, Tensor]:
        """Return what of a network is neither a parameter nor says where on the path it stands, shape (R, ...)."""
        prefix = f"{DEFORMATION}."
        return {name: values for name, values in self.ensemble.buffers.items() if not name.startswith(prefix)}

    def _serve_rows(self) -> RowOptimizer:
        """Return an optimiser over the rows, with what else every row has of its own set up: batches and clipping."""
        seeds = [
            seed
            for config, count in zip(self.configs, self.rows.counts, strict=True)
            for seed in (copy_seeds(config.seed, count) if self.method.batch_per_copy else [config.seed] * count)
        ]
        self._batch.follow(seeds)
        configs = [self.configs[member] for member in self.rows.owners]
        options = [config.training for config in configs]
        self._clip_norm = row_bounds([one.clip_norm for one in options], self.ensemble.theta)
        self._objective = training_objective([one.label_smoothing for one in options], self.ensemble.theta)
        self._penalty = weight_penalty(self.ensemble, [one.l1 for one in options], [one.l2 for one in options])
        self.rates.serve(self.ensemble, self.rows, seeds)
        penalties = None if self._penalty is None else partial(self._penalty.values, self.ensemble)
        optimizers = [config.optimizer for config in configs]
        return over_rows(self.ensemble.rows, optimizers, self.rates.alike(), penalties)

    def _merge(self, k: int) -> None:
        """Replace the copies of every member that is at t = 1 at step k by their mean."""
        rows = Rows.at(self.t[k], self.method.copies)
        if rows == self.rows:
            return
        groups, before, copies = self.rows.merging_into(rows), self.optimizer, self.ensemble.rows
        self.ensemble, self.rows = self.ensemble.merged(groups), rows
        self.optimizer = self._serve_rows()
        merge_moments(before, copies, groups, self.optimizer, self.ensemble.rows)
        self._loss_sum = torch.stack([self._loss_sum[group].mean() for group in groups])

    def _pieces(self, member: int) -> list[Tensor]:
        """Return the parts of a member's rows, row by row."""
        return [piece for row in self.ensemble.rows[self.rows.of(member)] for piece in row]

    def _place(self, k: int) -> None:
        """Put the networks at their path parameters of step k."""
        self._assign(self._t[k])

    def _assign(self, t: Tensor) -> None:
        """Put the networks at the members' path parameters, shape (M,)."""
        values = self.method.coefficients(t, self.ensemble.network)
        if self.method.copies > 1:
            values = {name: value[self.rows.owners] for name, value in values.items()}
        self.ensemble.assign(values)
