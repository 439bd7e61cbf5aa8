"""Define what Adam and AdamW share: the hyper-parameters of the two moments, under torch.optim's names."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.optim.base import LearningRate, Momentum, Optimizer, WeightDecay


class MomentOptimizer(Optimizer):
    """m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2, each divided by 1 - beta^step in use.

    ``beta1``, ``beta2`` are the decay rates of the moments m and v of the gradient g, ``eps`` the floor of the
    denominator sqrt(v) + eps.
    """

    lr: LearningRate = 1e-3
    beta1: Momentum = 0.9
    beta2: Momentum = 0.999
    eps: Annotated[float, Field(gt=0.0), PER_MEMBER] = 1e-8
    weight_decay: WeightDecay

    def group(self) -> dict[str, Any]:
        """Return the hyper-parameters under torch.optim's names, the two betas as a pair."""
        return {**self.model_dump(include={"eps", "weight_decay"}), "betas": (self.beta1, self.beta2)}
