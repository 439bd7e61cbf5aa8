"""Do one training step for a fixed set of rows.

    losses and gradients -> penalties of the objective -> clipping -> the update of torch.optim -> corrections

all of them row by row: no row knows of another, except the copies of one member through what its method adds. Where a
learning rate or an update is measured, the curvature or the Fisher matrix comes first. When rows merge, the next step
is built anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf

from jaxtyping import Float, Int, Shaped
from torch import Tensor

from homotopy_bench.config.schema import Config
from homotopy_bench.core.random_streams import copy_seeds
from homotopy_bench.ensemble.copies import copied
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.losses import cross_entropy, training_loss
from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.hardware.transfer import sent_like
from homotopy_bench.methods.regularizer import Regularizer
from homotopy_bench.optim.base import RowOptimizer, over_rows, set_rates
from homotopy_bench.optim.diagonal_fisher import ObservesFisher
from homotopy_bench.training.batches import Batches
from homotopy_bench.training.clipping import clip_rows
from homotopy_bench.training.drawn_labels import DrawnLabels
from homotopy_bench.training.learning_rates import LearningRates
from homotopy_bench.training.meters import StepResult
from homotopy_bench.training.penalty import weight_penalty


class RowStep:
    """Do one step over R rows, called with its number k and the members' t.

    Attributes:
        optimizer: The update, an optimiser of torch.optim over the rows.

    Args:
        configs: The members' configurations.
        ensemble: The rows.
        rows: Which rows belong to which member.
        batches: The training batches; they are drawn for these rows from now on.
        rates: The learning rates; they are given to these rows from now on.
        regularizer: Addition of the method to the objective; None for nothing.
        batch_per_copy: Whether every copy of a member has batches of its own.
    """

    def __init__(
        self,
        configs: Sequence[Config],
        ensemble: Ensemble,
        rows: Rows,
        batches: Batches,
        rates: LearningRates,
        regularizer: Regularizer | None,
        batch_per_copy: bool,
    ) -> None:
        self._ensemble, self._rows = ensemble, rows
        self._batches, self._rates, self._regularizer = batches, rates, regularizer
        self._hardware = configs[0].hardware
        seeds = [
            seed
            for config, count in zip(configs, rows.counts, strict=True)
            for seed in (copy_seeds(config.order_seed, count) if batch_per_copy else [config.order_seed] * count)
        ]
        batches.follow(seeds)
        rates.follow(ensemble, rows, seeds)
        of_rows = [configs[member] for member in rows.owners]
        options = [config.training for config in of_rows]
        bounds = [inf if one.clip_norm is None else one.clip_norm for one in options]
        self._clip_norm = None if min(bounds) == inf else sent_like(bounds, ensemble.theta)
        self._loss = training_loss([one.label_smoothing for one in options], ensemble.theta)
        self._penalty = weight_penalty(ensemble, [one.l1 for one in options], [one.l2 for one in options])
        penalties = None if self._penalty is None else self._penalty.values
        self.optimizer: RowOptimizer = over_rows(
            ensemble.rows, [config.optimizer for config in of_rows], rates.param_group_keys(), penalties
        )
        self._draw = DrawnLabels(seeds, batches.batch_size, ensemble.replicas)
        self._norms: Float[Tensor, " R"] | None = None
        self._gradients = [0] * len(of_rows)

    def __call__(self, k: int, t: Sequence[float]) -> StepResult:
        """Return the losses, norms and cost of step k, done with the members at path parameters t."""
        x, y = self._batches(k)
        self._gradients = [0] * len(self._gradients)
        if isinstance(self.optimizer, ObservesFisher) and self.optimizer.due(k):
            self._observe_fisher(self.optimizer, x, k)
        # After it: a measurement leaves the gradients of the step in the ensemble.
        measured = self._measure(x, y, k) if self._rates.measures(k) else None
        set_rates(self.optimizer, self._rates.of_parts(k))
        losses = self.optimizer.step(partial(self._differentiate, x, y, t, measured))
        if self._regularizer is not None:
            self._regularizer.after_step(self._ensemble, self._rows, t, self._rates.effective_lr(k))
        per_row, products = self._rates.measurement_cost(k)
        gradients = [sum(own) + per_row * len(own) for own in self._rows.grouped(self._gradients)]
        products_of = [products * count for count in self._rows.counts]
        return StepResult(losses, self._ensemble.gradient, self._norms, gradients, products_of)

    def _differentiate(
        self,
        x: Shaped[Tensor, "R B *input"],
        y: Int[Tensor, "R B *places"],
        t: Sequence[float],
        measured: Float[Tensor, " R"] | None,
        row: int | None = None,
    ) -> Float[Tensor, " R"]:
        """Return the losses without penalties, detached, after writing the gradients of all rows or of one.

        ``measured`` are the losses of a measurement that has written the gradients.
        """
        with self._ensemble.only(row):
            losses = measured
            if losses is None:
                own = self._losses(self._ensemble.forward, x, y)
                self._ensemble.backward(own.sum())
                losses = own.detach()
                self._ensemble.replicas.mean_(losses)
                for one in range(len(self._gradients)) if row is None else (row,):
                    self._gradients[one] += 1
            if self._penalty is not None:
                self._penalty.add_gradient()
            if self._regularizer is not None:
                self._regularizer.add_gradient(self._ensemble, self._rows, t)
            if self._clip_norm is not None:
                bounds = self._rates.clipped(self._clip_norm)
                self._norms = clip_rows(self._ensemble.gradient, bounds, self._ensemble.target_size)
        return losses

    def _measure(
        self, x: Shaped[Tensor, "R B *input"], y: Int[Tensor, "R B *places"], k: int
    ) -> Float[Tensor, " R"] | None:
        """Measure curvature for the learning rates of step k, at its batch or at that and the following ones.

        Returns:
            The losses of the step, where its gradients now lie in the ensemble; else None.
        """
        batch = (x, y) if self._rates.batches == 1 else self._batches.together(k, self._rates.batches)
        buffers = copied(self._ensemble.buffers)
        evaluate = partial(self._losses, self._ensemble.modules, *batch)
        losses = self._rates.measure(k, self._ensemble, evaluate)
        if losses is not None and self._rates.batches == 1:
            return losses
        self._ensemble.assign(buffers)  # the step itself is still to come: statistics and masks must not know of this
        return None

    def _observe_fisher(self, optimizer: ObservesFisher, x: Shaped[Tensor, "R B *input"], k: int) -> None:
        """Show the optimiser the gradients at labels that the networks themselves predict for the batch of step k."""
        buffers = copied(self._ensemble.buffers)
        with self._hardware.autocast():
            logits = self._ensemble.forward(x)
            own = cross_entropy(logits, self._draw(logits, k))
        self._ensemble.backward(own.sum())
        optimizer.observe(self._batches.batch_size * logits.shape[2:-1].numel())
        self._gradients = [count + 1 for count in self._gradients]
        self._ensemble.assign(buffers)

    def _losses(
        self, forward: Callable[[Tensor], Tensor], x: Shaped[Tensor, "R B *input"], y: Int[Tensor, "R B *places"]
    ) -> Float[Tensor, " R"]:
        with self._hardware.autocast():
            return self._loss(forward(x), y)
