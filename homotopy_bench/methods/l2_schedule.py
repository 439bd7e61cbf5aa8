"""Training with a weight decay that falls level by level: what HTA amounts to where its two copies agree.

    f(x) + (L/2) |x - r|^2,        gradient  df/dx + L (x - r)

with the levels of L that :mod:`homotopy_bench.methods.coupling.levels` describes, and f alone at t = 1. Two copies of
HTA that agree, x_1 = x_2 = x, have the objective 2 f(x) + L |x - r|^2, twice this one. The decay is part of the
gradient and is clipped with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from homotopy_bench.methods.coupling.levels import LevelledMethod

if TYPE_CHECKING:
    import torch

    from homotopy_bench.ensemble.ensemble import Ensemble
    from homotopy_bench.ensemble.rows import Rows
    from homotopy_bench.methods.base import Method
    from homotopy_bench.methods.regularizer import Regularizer


class L2Schedule(LevelledMethod):
    """Weight decay L(t) toward ``reference``: zero, the ``initial`` values, or those of a ``random`` other network."""

    name: Literal["l2_schedule"] = "l2_schedule"
    reference: Literal["zero", "initial", "random"] = "zero"

    def regularizer(
        self,
        members: Sequence[Method],
        ensemble: Ensemble,
        rows: Rows,
        seeds: Sequence[int],
        build: Callable[[int, int], torch.nn.Module],
    ) -> Regularizer:
        """Return the weight decay.

        Args:
            members: The members' own methods.
            ensemble: The rows with their initial values.
            rows: Which rows belong to which member.
            seeds: The members' seeds.
            build: Builds the network of a member with the initial values of a seed.

        Returns:
            The weight decay.
        """
        from homotopy_bench.methods.coupling.copies import references
        from homotopy_bench.methods.coupling.decay import Decay

        levels = {member: one.level for member, one in enumerate(members) if isinstance(one, L2Schedule)}
        return Decay(levels, references(self.reference, ensemble, rows, seeds, build))
