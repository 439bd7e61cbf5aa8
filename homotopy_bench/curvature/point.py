"""Compute the members' losses as a function of some of their parameters, at the point where they stand.

The chosen parameters are one tensor (M, Q) of which the network sees views. So a gradient is one tensor (M, Q) as well,
and what is not chosen costs no derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import accumulate, pairwise

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.func import vmap

from homotopy_bench.core.errors import InputError
from homotopy_bench.ensemble.copies import copied
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.models.attention import differentiable_twice

Batch = tuple[Shaped[Tensor, "M _ ..."], Shaped[Tensor, "M _ ..."]]
"""Inputs (M, B, *input) and labels (M, B), or targets (M, B, *output)."""


class Point:
    """Hold the point where the members stand: copies of their parameters and buffers.

    The ensemble may train on while the point is in use, and no forward pass here changes the ensemble's running
    statistics. Whether layers such as BatchNorm act as in training is the ensemble's mode at each call.

    Attributes:
        selected: The chosen parameters, shape (M, Q), in the order of theta.
        columns: Name of each chosen parameter -> its columns of ``selected``.

    Args:
        ensemble: The members.
        pattern: Names of the parameters to choose, as a shell matches them: ``"*"`` is all, ``"output.*"`` one layer.

    Raises:
        InputError: If no parameter has such a name.
    """

    def __init__(self, ensemble: Ensemble, pattern: str = "*") -> None:
        chosen = [name for name in ensemble.parameters if fnmatchcase(name, pattern)]
        if not chosen:
            raise InputError("parameters", pattern, f"accepted: a pattern of {', '.join(ensemble.parameters)}")
        self._network, self._names = ensemble.network, ensemble.names
        self._shapes = {name: ensemble.parameters[name].shape for name in chosen}
        parameters = {name: values.detach().clone() for name, values in ensemble.parameters.items()}
        self._fixed = {name: values for name, values in parameters.items() if name not in self._shapes}
        self._buffers = copied(ensemble.buffers)
        self.selected = torch.cat([parameters[name].reshape(ensemble.members, -1) for name in chosen], dim=1)
        self._sizes = [shape[1:].numel() for shape in self._shapes.values()]
        ends = pairwise(accumulate(self._sizes, initial=0))
        self.columns = {name: slice(*pair) for name, pair in zip(chosen, ends, strict=True)}

    def logits(self, selected: Float[Tensor, "M Q"], x: Shaped[Tensor, "M B *input"]) -> Float[Tensor, "M B *output"]:
        """Return the members' outputs (M, B, *output) where the chosen parameters have given values (M, Q)."""
        pieces = torch.split(selected, self._sizes, dim=1)
        views = {name: piece.view(self._shapes[name]) for name, piece in zip(self._shapes, pieces, strict=True)}
        parameters = {**self._fixed, **views}
        # In training BatchNorm writes into its buffers, which forward mode forbids for tensors from outside.
        buffers = copied(self._buffers)
        with differentiable_twice():
            if len(x) == 1:  # as in Ensemble.forward
                own = [{name: values[0] for name, values in tensors.items()} for tensors in (parameters, buffers)]
                return self._call(own[0], own[1], x[0]).unsqueeze(0)
            outputs: Tensor = vmap(self._call, randomness="different")(parameters, buffers, x)
            return outputs

    def _call(self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        return self._names.call(self._network, parameters | buffers, x)


def split_batches(x: Shaped[Tensor, "N ..."], y: Shaped[Tensor, "N ..."], members: int, size: int) -> list[Batch]:
    """Return a split that all M members share in batches of ``size``, of which the last one has what remains.

    They share the memory of the split, whose inputs are (N, *input) and whose labels (N,), or (N, T) of sequences.

    Example:
        >>> [tuple(labels.shape) for _, labels in split_batches(torch.zeros(5, 3), torch.zeros(5), 2, 4)]
        [(2, 4), (2, 1)]
    """
    pairs = zip(torch.split(x, size), torch.split(y, size), strict=True)
    return [(inputs.expand(members, *inputs.shape), labels.expand(members, *labels.shape)) for inputs, labels in pairs]


def batch_weights(batches: Sequence[Batch]) -> list[float]:
    """Return the share of each batch in all samples: with them the mean over batches is that over samples."""
    sizes = [labels.shape[1] for _, labels in batches]
    return [size / sum(sizes) for size in sizes]
