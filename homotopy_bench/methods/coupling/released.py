"""Apply the released update: what the authors' code does (github.com/Bill-research/homotopy, main_homotopy_vgg.py).

It differs from the published objective in three ways. Both copies use the same convolutions (with their normalisation),
so that only the linear layers are two; the penalties are norms, not their squares; and they are taken tensor by tensor,
weights and biases apart:

    f(x_1) + f(x_2)  +  alpha L sum_W (|W_first half| + |W_second half|)  +  (beta/L) sum_V |V_1 - V_2|

W runs over the tensors of the convolutions, whose halves of output channels both end up anchored to zero, and V over
those of the linear layers, which are not anchored. Norms are Euclidean; where one is zero, so is its gradient. The
authors' alpha is 0.1.

Here shared parameters stand in both rows, with equal initial values and the sum of both gradients, so that the rows
stay equal in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.methods.coupling.base import LevelledRegularizer
from homotopy_bench.methods.coupling.copies import Weights
from homotopy_bench.methods.coupling.splits import CONVOLUTIONS, layers_of, owners
from homotopy_bench.models.layers import Layer


class Released(LevelledRegularizer):
    """Add the penalties of the authors' code as a gradient, for two copies.

    Args:
        weights: Member -> its L, alpha and beta.
        ensemble: The rows with their initial values; the second copies get the convolutions of the first.
        rows: Which rows belong to which member.
    """

    def __init__(self, weights: Mapping[int, Weights], ensemble: Ensemble, rows: Rows) -> None:
        super().__init__({member: own.level for member, own in weights.items()})
        self.weights = dict(weights)
        shared, convolutions = shared_parameters(ensemble.network)
        sizes = [view[0].numel() for view in ensemble.parameters.values()]
        ends = pairwise(accumulate(sizes, initial=0))
        columns = dict(zip(ensemble.parameters, (slice(*pair) for pair in ends), strict=True))
        outputs = {name: len(view[0]) for name, view in ensemble.parameters.items() if name in convolutions}
        # A half of the output channels is a half of the columns: they are the first dimension.
        self.halves = [
            half
            for name, count in outputs.items()
            for half in _cut(columns[name], (count // 2) * (sizes[list(columns).index(name)] // count))
        ]
        self.shared = [columns[name] for name in columns if name in shared]
        self.own = [columns[name] for name in columns if name not in shared]
        for member in range(len(rows.counts)):
            theta = ensemble.theta[rows.of(member)]
            for part in self.shared:
                theta[1:, part] = theta[0, part]

    def gradient(self, member: int, theta: Tensor, gradient: Tensor, level: float) -> None:
        """Add the gradients of the penalties, and both copies' gradients of what they share."""
        weights = self.weights[member]
        for part in self.shared:
            gradient[:, part] = gradient[:, part].sum(dim=0)
        for half in self.halves:
            gradient[:, half] += weights.anchor * level * direction(theta[0, half])
        for part in self.own:
            pull = weights.coupling / level * direction(theta[0, part] - theta[1, part])
            gradient[0, part] += pull
            gradient[1, part] -= pull


def shared_parameters(network: nn.Module) -> tuple[set[str], set[str]]:
    """Return the names of the parameters of all layers with convolutions, and those of the convolutions alone."""
    layers, owner = list(layers_of(network).values()), owners(network)
    maps = [layer.affine if isinstance(layer, Layer) else layer for layer in layers]
    shared = {name for name, index in owner.items() if isinstance(maps[index], CONVOLUTIONS)}
    own = {id(parameter) for affine in maps if isinstance(affine, CONVOLUTIONS) for parameter in affine.parameters()}
    return shared, {name for name, parameter in network.named_parameters() if id(parameter) in own}


def direction(x: Tensor) -> Tensor:
    """Return x/|x|, the gradient of |x|; zero at zero.

    Example:
        >>> direction(torch.tensor([3.0, 4.0])).tolist(), direction(torch.zeros(2)).tolist()
        ([0.6000000238418579, 0.800000011920929], [0.0, 0.0])
    """
    norm: Tensor = torch.linalg.vector_norm(x)
    return x / norm.clamp(min=torch.finfo(x.dtype).tiny)


def _cut(columns: slice, first: int) -> list[slice]:
    """Return the first so many columns of some, and the others."""
    return [slice(columns.start, columns.start + first), slice(columns.start + first, columns.stop)]
