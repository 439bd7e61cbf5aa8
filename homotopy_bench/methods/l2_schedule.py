"""Train with a weight decay that falls level by level: HTA amounts to it where its two copies agree.

    f(x) + (L/2) |x - r|^2,        gradient  df/dx + L (x - r)

with the levels of L that :mod:`homotopy_bench.methods.coupling.levels` describes, and f alone at t = 1. Two copies of
HTA that agree, x_1 = x_2 = x, have the objective 2 f(x) + L |x - r|^2, twice this one. The decay is part of the
gradient and is clipped with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from homotopy_bench.methods.coupling.levels import LevelledMethod

if TYPE_CHECKING:
    from homotopy_bench.methods.base import InitialState
    from homotopy_bench.methods.regularizer import Regularizer


class L2Schedule(LevelledMethod):
    """Let the weights decay by L(t) toward ``reference``.

    That is zero, the ``initial`` values, or those of a ``random`` other network.
    """

    name: Literal["l2_schedule"] = "l2_schedule"
    reference: Literal["zero", "initial", "random"] = "zero"

    def regularizer(self, initial: InitialState) -> Regularizer:
        """Return the weight decay."""
        from homotopy_bench.methods.coupling.copies import references
        from homotopy_bench.methods.coupling.decay import Decay

        levels = {member: one.level for member, one in enumerate(initial.methods) if isinstance(one, L2Schedule)}
        return Decay(levels, references(self.reference, initial))
