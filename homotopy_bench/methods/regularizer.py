"""What a method adds to the objective of members on their path, and what it must remember for that.

Its two places in a training step are before the update, as a gradient, and after it, as a correction of the
parameters. At t = 1 the objective is the target's and nothing is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows


class Regularizer:
    """An addition to the objective; this base adds nothing."""

    def add_gradient(self, ensemble: Ensemble, rows: Rows, t: Sequence[float]) -> None:
        """Add the gradients of the addition to those of the batch losses.

        Args:
            ensemble: The networks, with the gradients of their batch losses.
            rows: Which rows belong to which member.
            t: The members' path parameters.
        """

    def after_step(self, ensemble: Ensemble, rows: Rows, t: Sequence[float], lr: Sequence[float]) -> None:
        """Correct the parameters that the optimiser has moved.

        Args:
            ensemble: The networks.
            rows: Which rows belong to which member.
            t: The members' path parameters.
            lr: The members' learning rates, times the gain of their optimiser: a step must weigh the addition as
                much as the loss, whose gradient momentum lets pass 1/(1 - momentum) times.
        """

    def diagnostics(self, member: int, theta: Tensor, t: float) -> dict[str, Any]:
        """Return what the record says of a member on its path; by default nothing.

        Args:
            member: The member.
            theta: Its m rows, shape (m, P).
            t: Its path parameter.
        """
        del member, theta, t
        return {}
