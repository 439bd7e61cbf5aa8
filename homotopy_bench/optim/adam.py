"""Adam (Kingma and Ba 2015, arXiv:1412.6980, algorithm 1), as in torch.optim.Adam."""

from __future__ import annotations

from typing import ClassVar, Literal

from homotopy_bench.optim.base import WeightDecay
from homotopy_bench.optim.moments import MomentOptimizer


class Adam(MomentOptimizer):
    """theta <- theta - eta m/(sqrt(v) + eps), with the gradient g + lambda theta in both moments.

    lambda = ``weight_decay`` (coupled, an L2 penalty), eta the scheduled rate with base ``lr``.
    """

    torch_class: ClassVar[str] = "Adam"

    name: Literal["adam"] = "adam"
    weight_decay: WeightDecay = 0.0
