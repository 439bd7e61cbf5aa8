"""Measure a training while it runs: losses, gradient norms, and what the steps have cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.ensemble.rows import Rows


@dataclass(frozen=True)
class StepResult:
    """What one step over R rows leaves behind.

    Attributes:
        losses: Batch losses before the update, without penalties, detached.
        norms: Norms of the gradients before clipping; None where nothing is clipped, and they were not computed.
        gradients: Gradients that the step took for each row.
        products: Hessian products that it took for each row.
    """

    losses: Float[Tensor, " R"]
    norms: Float[Tensor, " R"] | None
    gradients: list[int]
    products: int


class Meters:
    """Sums over steps, and figures of the last step, of R rows.

    Nothing waits for the device until a figure is asked for.

    Attributes:
        last: The last step; None before the first.
        loss_sum: Sum of the batch losses since they were last popped.
        loss_count: Number of steps in that sum.

    Args:
        like: Gives device and format.
    """

    def __init__(self, like: Float[Tensor, "R P"]) -> None:
        self.last: StepResult | None = None
        self.loss_sum: Float[Tensor, " R"] = torch.zeros(len(like), device=like.device, dtype=like.dtype)
        self.loss_count = 0

    def add(self, result: StepResult) -> None:
        """Take a step into account."""
        self.loss_sum += result.losses
        self.loss_count += 1
        self.last = result

    def pop_train_loss(self, rows: Rows) -> list[float]:
        """Return the members' mean batch losses since the last call, and reset.

        Args:
            rows: Which rows belong to which member.
        """
        mean = rows.mean((self.loss_sum / max(self.loss_count, 1)).tolist())
        self.loss_sum.zero_()
        self.loss_count = 0
        return mean

    def gradient_norms(self, gradient: Float[Tensor, "R P"], rows: Rows) -> list[float]:
        """Return the Euclidean norms of the members' last gradients, before clipping; of copies the mean norm.

        Args:
            gradient: The last gradients.
            rows: Which rows belong to which member.
        """
        known = self.last.norms if self.last is not None else None
        return rows.mean((gradient.norm(dim=1) if known is None else known).tolist())

    def gradients_per_step(self, rows: Rows) -> list[int]:
        """Return how many gradients the last step took for each member, over its rows."""
        return [] if self.last is None else [sum(own) for own in rows.grouped(self.last.gradients)]

    def products_per_step(self, rows: Rows) -> list[int]:
        """Return how many Hessian products the last step took for each member, over its rows."""
        return [] if self.last is None else [count * self.last.products for count in rows.counts]

    def merge(self, groups: Sequence[slice]) -> None:
        """Replace rows by the means of groups of them."""
        self.loss_sum = torch.stack([self.loss_sum[group].mean() for group in groups])
