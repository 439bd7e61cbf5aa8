"""Let layers move along a path together, or one after the other.

With D layers, of which layer k = 0, ..., D-1 from the input on has the rank r = k (``shallow_first``) or
r = D-1-k (``deep_first``),

    t_k = min(max(D t - r, 0), 1)

is the path parameter of layer k: the layer of rank r moves while t goes from r/D to (r+1)/D. All stand at 0 for t = 0
and at 1, exactly, for t = 1. ``together`` is t_k = t.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Order = Literal["together", "shallow_first", "deep_first"]


def layer_parameters(order: Order, t: Tensor, layers: int) -> Tensor:
    """Return the path parameters (M, D) of D = ``layers`` layers, for the members' t (M,).

    Example:
        >>> import torch
        >>> layer_parameters("deep_first", torch.tensor([0.25, 1.0]), 2).tolist()
        [[0.0, 0.5], [1.0, 1.0]]
    """
    import torch

    if order == "together":
        return t.unsqueeze(1).expand(-1, layers)
    ranks = torch.arange(layers, dtype=t.dtype, device=t.device)
    ranks = ranks if order == "shallow_first" else ranks.flip(0)
    return (layers * t.unsqueeze(1) - ranks).clamp(0.0, 1.0)
