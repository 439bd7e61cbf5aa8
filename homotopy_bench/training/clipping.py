"""Clipping of gradients, row by row."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def row_bounds(bounds: Sequence[float | None], like: Tensor) -> Float[Tensor, " R"] | None:
    """Return the largest norms of rows as a tensor.

    Args:
        bounds: One per row; None for none.
        like: A tensor of the device and format wanted.

    Returns:
        Shape (R,); None where no row has a bound.
    """
    if all(bound is None for bound in bounds):
        return None
    finite = [float("inf") if bound is None else bound for bound in bounds]
    return torch.tensor(finite, device=like.device, dtype=like.dtype)


def clip_rows(gradient: Float[Tensor, "R P"], bounds: Float[Tensor, " R"], target_size: int) -> Float[Tensor, " R"]:
    """Scale each row of a gradient to norm at most its bound, in place, as torch.nn.utils.clip_grad_norm_ does.

    Args:
        gradient: Shape (R, P).
        bounds: Largest norms, shape (R,).
        target_size: Number of columns that are parameters of the target network.

    Returns:
        The norms before, shape (R,).

    Example:
        >>> gradient = torch.tensor([[3.0, 4.0], [0.0, 0.5]], dtype=torch.float64)
        >>> clip_rows(gradient, torch.tensor([1.0, 1.0], dtype=torch.float64), target_size=2).tolist()
        [5.0, 0.5]
        >>> gradient.round(decimals=5).tolist()
        [[0.6, 0.8], [0.0, 0.5]]
    """
    norms: Tensor = torch.linalg.vector_norm(gradient[:, :target_size], dim=1)
    if target_size < gradient.shape[1]:
        # Apart, because the order of a sum decides its last bit: with zeros here the norm is the baseline's.
        norms = torch.hypot(norms, torch.linalg.vector_norm(gradient[:, target_size:], dim=1))
    gradient.mul_((bounds / (norms + 1e-6)).clamp(max=1.0).unsqueeze(1))
    return norms
