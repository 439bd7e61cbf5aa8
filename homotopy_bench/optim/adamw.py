"""AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2), as in torch.optim.AdamW."""

from __future__ import annotations

from typing import ClassVar, Literal

from homotopy_bench.optim.base import WeightDecay
from homotopy_bench.optim.moments import MomentOptimizer


class AdamW(MomentOptimizer):
    """theta <- (1 - eta lambda) theta - eta m/(sqrt(v) + eps).

    lambda = ``weight_decay`` (decoupled from the gradient), eta the scheduled rate with base ``lr``.
    """

    torch_class: ClassVar[str] = "AdamW"

    name: Literal["adamw"] = "adamw"
    weight_decay: WeightDecay = 1e-2
