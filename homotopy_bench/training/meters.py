"""Measure a training while it runs: losses, gradient norms, and the cost of the steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.training.stability import StabilityMeter


@dataclass(frozen=True)
class StepResult:
    """Hold the outcome of one step over the R rows of M members.

    Attributes:
        losses: Batch losses before the update, without penalties, detached.
        gradient: The gradients, clipped; the next step overwrites them.
        norms: Norms of the gradients before clipping; None where nothing is clipped, and they were not computed.
        gradients: Gradients that the step took for each member, over its rows.
        products: Hessian products that it took for each member, over its rows.
    """

    losses: Float[Tensor, " R"]
    gradient: Float[Tensor, "R P"]
    norms: Float[Tensor, " R"] | None
    gradients: list[int]
    products: list[int]


class Meters:
    """Sum the losses of steps over R rows, and keep the last step; nothing waits for the device until it is asked for.

    Attributes:
        rows: Which rows belong to which member.
        last: The last step; not there before the first.
        loss_sum: Sum of the batch losses since they were last popped, shape (R,).
        loss_count: Number of steps in that sum.
        stability: Loss spikes and the largest gradient norm since they were last popped.

    Args:
        rows: Which rows belong to which member.
        like: Gives device and format.
    """

    def __init__(self, rows: Rows, like: Tensor) -> None:
        self.rows = rows
        self.last: StepResult
        self.loss_sum: Float[Tensor, " R"] = like.new_zeros(len(rows.owners))
        self.loss_count = 0
        self.stability = StabilityMeter(rows, like)

    def add(self, result: StepResult) -> None:
        """Take a step into account."""
        self.loss_sum += result.losses
        self.loss_count += 1
        self.last = result
        self.stability.add(result.losses, self._norms(result))

    def pop_train_loss(self) -> list[float]:
        """Return the members' mean batch losses since the last call, without penalties, and reset."""
        mean = self.rows.mean((self.loss_sum / max(self.loss_count, 1)).tolist())
        self.loss_sum.zero_()
        self.loss_count = 0
        return mean

    def gradient_norms(self) -> list[float]:
        """Return the Euclidean norms of the members' last gradients, before clipping; of copies the mean norm."""
        return self.rows.mean(self._norms(self.last).tolist())

    def merge_into(self, later: Rows) -> None:
        """Replace the rows by ``later``, whose sums are the means of theirs."""
        self.loss_sum = torch.stack([self.loss_sum[group].mean() for group in self.rows.merging_into(later)])
        self.stability.merge_into(later)
        self.rows = later

    @staticmethod
    def _norms(result: StepResult) -> Float[Tensor, " R"]:
        norms: Tensor = result.gradient.norm(dim=1) if result.norms is None else result.norms
        return norms
