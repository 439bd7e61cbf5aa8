"""Natural gradient with a diagonal Fisher matrix (Amari 1998, doi:10.1162/089976698300017746, eq. 16).

F = E_x E_{y ~ p(y|x)} [(d log p(y|x)/d theta)^2], the diagonal alone. It is the Fisher matrix itself, with labels drawn
from the network's own predictions, not the "empirical" one of the data's labels, which is none (Kunstner et al. 2019,
arXiv:1905.12558). Per batch it is estimated without bias by B g'^2, g' the gradient of the
batch's mean loss with drawn labels (Liu et al. 2023, arXiv:2305.14342, algorithm 2): one gradient more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.optim.base import LearningRate, Momentum, Optimizer, RowOptimizer

if TYPE_CHECKING:
    import torch


class NaturalGradient(Optimizer):
    """b <- mu b + g/(F + delta); theta <- theta - eta b, F <- rho F + (1 - rho) f at every n-th step.

    f is the estimate of the diagonal Fisher matrix on the batch of the step; F in use is divided by 1 - rho^(number of
    estimates). mu = ``momentum``, delta = ``damping``, rho = ``decay``, n = ``every``, eta the scheduled rate with base
    ``lr``. The cost counts the gradient of every estimate.
    """

    name: Literal["natural_gradient"] = "natural_gradient"
    lr: LearningRate = 1e-3
    momentum: Momentum = 0.9
    damping: Annotated[float, Field(gt=0.0), PER_MEMBER] = 1e-2
    decay: Momentum = 0.95
    every: Annotated[int, Field(ge=1)] = 1

    def build(
        self,
        groups: list[dict[str, Any]],
        penalties: Callable[[], torch.Tensor] | None = None,  # noqa: ARG002 - compares no losses
    ) -> RowOptimizer:
        """Return the optimiser of all rows."""
        from homotopy_bench.optim.diagonal_fisher import RowNaturalGradient

        return RowNaturalGradient(groups, self.every)
