"""Give every row its learning rates: from the tables of the schedules, or from measured curvature."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from torch import Tensor

from homotopy_bench.config.schema import Config
from homotopy_bench.continuation.adaptive import Adaptive
from homotopy_bench.curvature.control.controller import LABELS, CurvatureController
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.optim.lr_schedules.curvature import Curvature


class LearningRates:
    """Hold the rate of every part of every row at a step.

    Attributes:
        table: Rates of the open-loop schedules, shape (S, M), on the host; of a measured one its bounds.
        batches: Batches of the training that a measurement takes.

    Args:
        configs: The members' configurations.
        steps: Training steps S of the whole run.
        places: Labels of a sample, one, or one per token of a sequence.
    """

    def __init__(self, configs: Sequence[Config], steps: int, places: int = 1) -> None:
        self.table = np.stack([one.lr_schedule.table(steps, one.optimizer.lr) for one in configs], axis=1)
        # The rates used, step by step; a controller replaces those of the schedules.
        self._scheduled: list[list[float]] = self.table.tolist()
        self._rates = [list(row) for row in self._scheduled]
        # Members whose schedules agree at every step, by the first of them.
        columns = [column.tobytes() for column in self.table.T]
        self._alike = [columns.index(column) for column in columns]
        self._gains = [one.optimizer.gain() for one in configs]
        self._measured = {m: one.lr_schedule for m, one in enumerate(configs) if isinstance(one.lr_schedule, Curvature)}
        # An adaptive path that goes back to its beginning has no moments, and torch's SGD wants all or none of a group.
        self._apart = {
            m for m, one in enumerate(configs) if m in self._measured or isinstance(one.continuation, Adaptive)
        }
        self._stability = {m: one.stability or configs[m].optimizer.stability() for m, one in self._measured.items()}
        self._controller: CurvatureController | None = None
        self._parts: list[tuple[int, int]] = []
        self._followed = Rows((1,) * len(configs))
        training = configs[0].training
        self.batches = min(-(-LABELS // (training.batch_size * places)), steps // training.epochs)

    def follow(self, ensemble: Ensemble, rows: Rows, seeds: Sequence[int]) -> None:
        """Give rates to these rows from now on.

        Args:
            ensemble: The rows; they are cut into layers where a member has a rate for each.
            rows: Which rows belong to which member.
            seeds: A seed for every row.
        """
        if self._measured:
            layers = next(iter(self._measured.values())).scope == "per_layer"
            blocks = ensemble.layers() if layers else {"all": slice(0, ensemble.theta.shape[1])}
            if layers:
                ensemble.cut_rows([block.stop - block.start for block in blocks.values()])
            if self._controller is None:
                self._controller = CurvatureController(self._measured, self._stability, ensemble, seeds, blocks)
            else:
                self._controller.follow(ensemble, seeds, self._followed.merging_into(rows))
        self._followed = rows
        blocks_of = len(self._controller.blocks) if self._controller is not None else 1
        self._parts = [
            (member, part if blocks_of > 1 else 0)
            for member, row in zip(rows.owners, ensemble.rows, strict=True)
            for part in range(len(row))
        ]

    def param_group_keys(self) -> list[Hashable]:
        """Return a value for every part of every row, equal for parts that can share a parameter group.

        Their rates agree at every step, and no rollback removes the moments of one of them.
        """
        return [part if part[0] in self._apart else self._alike[part[0]] for part in self._parts]

    def measures(self, k: int) -> bool:
        """Return whether the curvature is measured at step k."""
        return self._controller is not None and self._controller.due(k)

    def measure(self, k: int, ensemble: Ensemble, evaluate: Callable[[], Tensor]) -> Tensor | None:
        """Return the losses (R,) that ``evaluate`` has on a batch, detached, and leave their gradients in the ensemble.

        None if neither they nor gradients could be had.
        """
        assert self._controller is not None
        return self._controller.measure(k, ensemble, self._followed, evaluate)

    def measurement_cost(self, k: int) -> tuple[int, int]:
        """Return the gradients and the Hessian products of a batch that step k took for measurements, per row."""
        if self._controller is None or not self._controller.due(k):
            return 0, 0
        gradients, products = self._controller.measurement_cost
        return gradients * self.batches, products * self.batches

    def clipped(self, bounds: Tensor) -> Tensor:
        """Return the largest norms of the rows' gradients, shape (R,), which curvature may lower."""
        return bounds if self._controller is None else self._controller.clipped(bounds, self._followed.owners)

    def of_parts(self, k: int) -> list[float]:
        """Return the rates of step k for every part of every row, in order; steps are asked for in order."""
        rates = self._rates[k]
        if self._controller is None:
            return [rates[member] for member, _ in self._parts]
        measured = self._controller.rates(k, self._scheduled[k])
        for member, values in measured.items():
            rates[member] = fmean(values)
        return [measured[member][block] for member, block in self._parts]

    def of_members(self, k: int) -> list[float]:
        """Return the members' rates of step k; of one with several the mean over its layers."""
        return self._rates[k]

    def effective_lr(self, k: int) -> list[float]:
        """Return how far a constant gradient moves each member, in units of the gradient: rate times gain."""
        return [rate * gain for rate, gain in zip(self._rates[k], self._gains, strict=True)]

    def take_diagnostics(self, member: int) -> dict[str, Any]:
        """Return the record's entries on a member's curvature since the last call."""
        return {} if self._controller is None else self._controller.take_diagnostics(member)

    def member_state(self, member: int) -> dict[str, Any] | None:
        """Return the state of one member's rates, on the host; None where they come from a table."""
        return None if self._controller is None else self._controller.member_state(member, self._followed.of(member))

    def load_member_state(self, member: int, k: int, state: Mapping[str, Any] | None) -> None:
        """Continue where :meth:`member_state` stood, after step k."""
        if self._controller is not None and state is not None:
            rows = self._followed.of(member)
            self._rates[k][member] = fmean(self._controller.load_member_state(member, rows, state))
