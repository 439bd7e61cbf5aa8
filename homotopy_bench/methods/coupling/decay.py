"""Weight decay toward a reference, at the level of the moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from homotopy_bench.methods.coupling.base import Level, LevelledRegularizer


class Decay(LevelledRegularizer):
    """(L/2) |x - r|^2 as a gradient, L (x - r).

    Args:
        levels: Member -> its L(t).
        references: r of every member, each of shape (P,); None for zero.
    """

    def __init__(self, levels: Mapping[int, Level], references: Sequence[Tensor | None]) -> None:
        super().__init__(levels)
        self.references = list(references)

    def gradient(self, member: int, theta: Tensor, gradient: Tensor, level: float) -> None:
        """Add L (x - r) to the gradient of a member, shape (1, P)."""
        reference = self.references[member]
        gradient.add_(theta if reference is None else theta - reference, alpha=level)
