"""Define what a transformer is stacked from: a branch on every place of a sequence, with a skip and a normalisation.

    pre     y = x + f(norm(x))      Xiong et al. 2020, arXiv:2002.04745, figure 1b
    post    y = norm(x + f(x))      Vaswani et al. 2017, arXiv:1706.03762
    none    y = x + f(x)

Without skip f stands alone: y = f(norm(x)), norm(f(x)), f(x). A deformation takes the place of the sum: it combines x
and the branch, and the normalisation of ``post`` follows it.
"""

from __future__ import annotations

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from homotopy_bench.models.layers import Deformable

NormPlace = Literal["pre", "post", "none"]


class Sublayer(Deformable):
    """x -> the sum of x and a branch, or the branch alone, or what a deformation makes of the two.

    Args:
        branch: f, which keeps the shape of its input.
        norm: The normalisation; None for none.
        place: Where it stands.
        dropout: What drops values of the branch.
        skip: Whether x is added.
    """

    def __init__(
        self, branch: nn.Module, norm: nn.Module | None, place: NormPlace, dropout: nn.Module, *, skip: bool
    ) -> None:
        super().__init__()
        self.norm = norm
        self.branch = branch
        self.dropout = dropout
        self.place = place
        self.skip = skip

    def forward(self, x: Float[Tensor, "B T d"]) -> Float[Tensor, "B T d"]:
        """Return the output at every place, shape (B, T, d)."""
        before = self.norm if self.place == "pre" else None
        after = self.norm if self.place == "post" else None
        y: Tensor = self.dropout(self.branch(x if before is None else before(x)))
        if self.deformation:
            y = self.deformation[0](x, y)
        elif self.skip:
            y = x + y
        if after is not None:
            y = after(y)
        return y
