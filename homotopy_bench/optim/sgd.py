"""Stochastic gradient descent with momentum, as in torch.optim.SGD."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import model_validator

from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.optim.base import LearningRate, Momentum, Optimizer, WeightDecay


class SGD(Optimizer):
    """b <- mu b + g + lambda theta; theta <- theta - eta b (Nesterov: theta - eta (g + lambda theta + mu b)).

    g is the gradient, mu = ``momentum``, lambda = ``weight_decay``, eta the scheduled rate with base ``lr``.
    """

    torch_class: ClassVar[str] = "SGD"

    name: Literal["sgd"] = "sgd"
    lr: LearningRate = 0.05
    momentum: Momentum = 0.9
    weight_decay: WeightDecay = 0.0
    nesterov: Annotated[bool, PER_MEMBER] = False

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> SGD:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=true needs momentum > 0")
        return self

    def gain(self) -> float:
        """Return 1/(1 - mu), with Nesterov's momentum too.

        Example:
            >>> SGD(momentum=0.75).gain()
            4.0
        """
        return 1.0 / (1.0 - self.momentum)

    def stability(self) -> float:
        """Return 2 (1 + mu), with Nesterov's momentum 2 (1 + mu)/(1 + 2 mu).

        (Cohen et al. 2021, arXiv:2103.00065, appendix B.)

        Example:
            >>> SGD(momentum=0.9).stability(), SGD(momentum=0.5, nesterov=True).stability()
            (3.8, 1.5)
        """
        return 2.0 * (1.0 + self.momentum) / (1.0 + 2.0 * self.momentum if self.nesterov else 1.0)
