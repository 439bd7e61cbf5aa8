"""Update rows by their gradients over a running mean of the diagonal of the Fisher matrix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from homotopy_bench.optim.base import Closure


@runtime_checkable
class ObservesFisher(Protocol):
    """State what training asks of an optimiser that wants to see the Fisher matrix."""

    def due(self, k: int) -> bool:
        """Return whether step k begins with an estimate."""

    def observe(self, samples: int) -> None:
        """Take the gradients of mean losses over so many samples whose labels were drawn from the predictions."""


class RowNaturalGradient:
    """Provide what training uses of an optimiser of torch.optim.

    Attributes:
        param_groups: Parts of rows that are updated with the same numbers.
        state: Part of a row -> ``fisher``, the running mean of its shape; ``weight`` (), the sum of its weights;
            ``momentum``, b of its shape.

    Args:
        groups: Of each group its ``params``, ``momentum``, ``damping`` and ``decay``.
        every: Steps from estimate to estimate.
    """

    def __init__(self, groups: Sequence[dict[str, Any]], every: int) -> None:
        self.param_groups: list[dict[str, Any]] = list(groups)
        self.state: defaultdict[Tensor, Any] = defaultdict(dict)
        self._every = every

    def due(self, k: int) -> bool:
        """Return whether step k begins with an estimate: every n-th does, the first included."""
        return k % self._every == 0

    def observe(self, samples: int) -> None:
        """Take f = B g'^2 into the running mean.

        Args:
            samples: B, over which the losses were averaged whose gradients g' the rows have.
        """
        for group in self.param_groups:
            decay = group["decay"]
            for part in group["params"]:
                state = self.state[part]
                if not state:
                    state |= {name: torch.zeros_like(part) for name in ("fisher", "momentum")}
                    state["weight"] = part.new_zeros(())
                state["fisher"].mul_(decay).addcmul_(part.grad, part.grad, value=(1.0 - decay) * samples)
                state["weight"].mul_(decay).add_(1.0 - decay)

    def step(self, closure: Closure) -> Any:
        """Ask for gradients and update the rows; one that has no estimate yet stands still.

        Args:
            closure: Writes the gradients and returns the losses.

        Returns:
            The losses of all rows where they stood before, shape (R,).
        """
        losses = closure()
        for group in self.param_groups:
            for part in group["params"]:
                state = self.state[part]
                if state:
                    metric = state["fisher"] / state["weight"] + group["damping"]
                    state["momentum"].mul_(group["momentum"]).addcdiv_(part.grad, metric)
                    part.add_(state["momentum"], alpha=-group["lr"])
        return losses
