"""Run one torch.optim.LBFGS per row of theta.

torch.optim.LBFGS has one parameter group and asks for the gradient as often as its line search needs it, so that rows
cannot share one. Each row takes its step alone, and each of its questions is answered by evaluating all rows: with R
rows an ensemble costs R times its gradients. That is for small problems.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from homotopy_bench.optim.base import PART, Closure


class RowLBFGS:
    """Provide what training uses of an optimiser of torch.optim, for rows that step one after another.

    Attributes:
        param_groups: The rows' groups, one each.
        state: What each row's optimiser remembers, by the row.

    Args:
        groups: For each row its ``params``, its number ``part`` and the arguments of torch.optim.LBFGS.
        penalties: The values of what is added to the rows' losses, shape (R,); None for nothing.
    """

    def __init__(self, groups: Sequence[dict[str, Any]], penalties: Callable[[], Tensor] | None) -> None:
        self._rows = [
            torch.optim.LBFGS(**{name: value for name, value in group.items() if name != PART}) for group in groups
        ]
        self._penalties = penalties
        self.param_groups: list[dict[str, Any]] = [row.param_groups[0] for row in self._rows]
        for own, group in zip(self.param_groups, groups, strict=True):
            own[PART] = group[PART]
        self.state: defaultdict[Tensor, Any] = defaultdict(dict)
        for row in self._rows:
            row.state = self.state

    def step(self, closure: Closure) -> Tensor:
        """Let every row take its step.

        Args:
            closure: Called with a row, writes the gradient of that row and of no other, and returns the losses (R,)
                without penalties, of which that row's counts.

        Returns:
            The rows' losses where they stood before, without penalties, shape (R,).
        """
        return torch.stack([self._step(row, closure) for row in range(len(self._rows))])

    def _step(self, row: int, closure: Closure) -> Tensor:
        losses: list[Tensor] = []
        values: list[Tensor] = []

        def objective() -> Tensor:
            losses.append(closure(row)[row])
            values.append(losses[-1] if self._penalties is None else losses[-1] + self._penalties()[row])
            return values[-1]

        if self.param_groups[row]["lr"] == 0.0:  # a line search from a trial step of 0 would divide by it
            objective()
            return losses[0]
        try:
            self._rows[row].step(objective)  # type: ignore[no-untyped-call]  # torch does not annotate it
        except (ArithmeticError, RuntimeError):
            # torch's line search divides by zero or overflows among values that are not finite: a row that diverges
            # stays there with an empty memory, and the others never notice.
            if all(bool(value.isfinite()) for value in values):
                raise
            self.state[self.param_groups[row]["params"][0]] = {}
        return losses[0]
