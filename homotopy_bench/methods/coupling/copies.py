"""Anchor and couple copies: where each copy is anchored, to what, and how strongly.

    H = sum_j f(x_j)  +  alpha L sum_j |M_j (x_j - r)|^2  +  (beta/L) sum_{i<j} |x_i - x_j|^2

With m copies x_j, masks M_j (:mod:`homotopy_bench.methods.coupling.splits`), reference r, level L, and weights
alpha = ``anchor`` and beta = ``coupling``, both 1 in the publication and 0 to switch a penalty off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from homotopy_bench.core.random_streams import stream_seed
from homotopy_bench.methods.base import InitialState
from homotopy_bench.methods.coupling.base import Level, LevelledRegularizer


class Weights(NamedTuple):
    """Say how strongly copies are held: L(t), alpha of the anchors, beta of the coupling."""

    level: Level
    anchor: float = 1.0
    coupling: float = 1.0


class CoupledCopies(LevelledRegularizer):
    """Penalties on m copies.

    Args:
        weights: Member -> its L, alpha and beta.
        masks: M_j of every member, each of shape (m, P), bool.
        references: r of every member, each of shape (P,); None for zero.
    """

    def __init__(
        self, weights: Mapping[int, Weights], masks: Sequence[Tensor], references: Sequence[Tensor | None]
    ) -> None:
        super().__init__({member: own.level for member, own in weights.items()})
        self.weights = dict(weights)
        self.masks = list(masks)
        self.references = list(references)


def references(kind: str, initial: InitialState) -> list[Tensor | None]:
    """Return the points that the members are anchored to.

    Args:
        kind: ``zero``; ``initial``, the initial values of the member's first row, which are the network of its seed;
            ``random``, the initial values of a network of another seed.
        initial: The members before their first step.

    Returns:
        r of every member, each of shape (P,); None for zero.
    """
    if kind == "zero":
        return [None] * len(initial.seeds)
    like = initial.ensemble.theta
    if kind == "initial":
        return [like[initial.rows.of(member)][0].clone() for member in range(len(initial.seeds))]
    networks = [initial.build(member, stream_seed(seed, "reference")) for member, seed in enumerate(initial.seeds)]
    return [nn.utils.parameters_to_vector(one.parameters()).detach().to(like) for one in networks]
